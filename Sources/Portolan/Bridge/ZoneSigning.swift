internal import DNSCore
internal import DNSSigning
internal import Logging
internal import Synchronization

/// Keeps one configured zone, and those of its reverse zones that have keys, signed with what its key directory holds.
///
/// What was read last stays in force while the directory has a mistake in it or no key is active.
final class ZoneSigning: Sendable {
    private struct State {
        var keys: [DomainName: ZoneKeys] = [:]
        var signers: [DomainName: ZoneSigner] = [:]
        /// What the apexes hold for keys, so that only changes are published and told.
        var published: [DomainName: [RecordSet]] = [:]
        var renewals: [DomainName: ZoneRenewal] = [:]
        var warnings: [String] = []
        /// The last trouble, which is told once.
        var trouble: String?
    }

    let directory: KeyDirectory
    /// The forward zone first.
    private let zones: [Zone]
    private let nameServer: NameServer
    private let ttl: UInt32
    private let cache: SignatureCache
    private let logger: Logger
    private let state = Mutex(State())

    init(
        _ directory: KeyDirectory,
        zones: [Zone],
        nameServer: NameServer,
        ttl: UInt32,
        cache: SignatureCache,
        logger: Logger
    ) {
        self.directory = directory
        self.zones = zones
        self.nameServer = nameServer
        self.ttl = ttl
        self.cache = cache
        self.logger = logger
    }

    var signers: [ZoneSigner] { state.withLock { Array($0.signers.values) } }

    /// Signs with these keys from now on.
    ///
    /// - Returns: the zones that secondaries are to take anew.
    func use(_ contents: KeyDirectory.Contents, at now: Int64) -> [Zone] {
        let warnings = state.withLock { state in
            defer { state.warnings = contents.warnings }
            // Keys of a reverse zone that are gone stay in force: to serve it unsigned all at once would break it.
            state.keys.merge(contents.keys) { $1 }
            state.trouble = nil
            return contents.warnings.filter { !state.warnings.contains($0) }
        }
        for warning in warnings { logger.warning("A key file should be mended", metadata: ["file": "\(warning)"]) }
        return refresh(at: now)
    }

    /// Reads the directory again and does what the time asks for.
    ///
    /// - Returns: the zones that secondaries are to take anew.
    func follow(at now: Int64) -> [Zone] {
        do throws(CommandFailure) {
            return use(try directory.load(zones[0].apex, others: zones.dropFirst().map(\.apex), at: now), at: now)
        } catch {
            let isNew = state.withLock { state in
                defer { state.trouble = error.message }
                return state.trouble != error.message
            }
            if isNew {
                logger.error("The keys stay as they were", metadata: ["reason": "\(error.message)"])
            }
            return refresh(at: now)
        }
    }

    private func refresh(at now: Int64) -> [Zone] {
        state.withLock { state in
            zones.filter { zone in
                guard let keys = state.keys[zone.apex], !keys.zoneSigning(at: now).isEmpty else { return false }
                let sets = keys.apexSets(at: now)
                let known = state.signers[zone.apex]
                let signer = known ?? ZoneSigner(apex: zone.apex, cache: cache)
                // A key is shown before it signs, and signs no more before it goes.
                if known == nil { signer.use(keys, at: now) }
                let hasOtherSets = state.published[zone.apex] != sets
                if hasOtherSets {
                    zone.apply([OwnerChange(owner: zone.apex, sets: nameServer.apexSets(ttl: ttl) + sets)])
                    state.published[zone.apex] = sets
                    tell(keys, at: now)
                }
                let hasOtherKeys = signer.use(keys, at: now)
                state.signers[zone.apex] = signer
                zone.isSigned = true
                // Its differences are not sent.
                zone.keepsChanges = false
                let isDue = state.renewals[zone.apex, default: ZoneRenewal()].isDue(at: zone.serial, now: now)
                // Whoever has taken the zone in between has it without these signatures.
                if known == nil || hasOtherKeys || isDue { zone.renew() }
                return known == nil || hasOtherSets || hasOtherKeys || isDue
            }
        }
    }

    private func tell(_ keys: ZoneKeys, at now: Int64) {
        func list(_ keys: [SigningKey]) -> Logger.MetadataValue { .array(keys.map { "\($0.key.tag)" }) }
        logger.info(
            "Zone is signed",
            metadata: [
                "zone": "\(keys.zone)", "published": list(keys.published(at: now)),
                "signing": list(keys.zoneSigning(at: now)), "signing-keys": list(keys.keySigning(at: now)),
            ]
        )
    }
}
