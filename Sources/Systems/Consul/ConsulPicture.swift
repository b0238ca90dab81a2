import ServiceCatalog
import SyncEngine

/// What has been read of a Consul datacenter, and what the catalog is to be told of it. Pure.
///
/// Collecting → following, with the last of the services of the first list. While collecting, nothing is told; a list
/// that cannot be believed ends neither.
struct ConsulPicture: Sendable {
    /// The part that is the list itself; a name no service has.
    static let list = ""

    private let reading: ConsulServiceReading
    private let excluded: Set<String>
    private var names: Set<String>?
    private var services: [String: Service] = [:]
    /// When the list and the instances of each service were read last, other than all at once.
    private var moments: [String: ContinuousClock.Instant] = [:]
    private var failing: [String: TargetError] = [:]
    private(set) var isFollowing = false

    init(reading: ConsulServiceReading, excluding excluded: Set<String>) {
        self.reading = reading
        self.excluded = excluded
    }

    // MARK: - Events

    /// Takes in the list of all service names.
    ///
    /// An empty list under ACLs that deny by default is not believed: a token that lost its rights is shown exactly
    /// that, and Consul's own service, which every datacenter has, is missing from it as well.
    ///
    /// - Parameters:
    ///   - mayHide: whether the token may be shown less than there is.
    ///   - moment: when the answer was there.
    mutating func listed(
        _ list: Set<String>,
        mayHide: Bool,
        at moment: ContinuousClock.Instant
    ) -> [SourceEvent] {
        if list.isEmpty, mayHide {
            return failed(
                Self.list,
                .unauthorized(
                    "Consul shows no service at all, not even its own: the token lacks service:read and node:read. "
                        + "What is known is kept"
                )
            )
        }
        var events = recovered(Self.list)
        let list = Self.distinct(list.subtracting(excluded))
        let gone = (names ?? []).subtracting(list)
        names = list
        moments[Self.list] = moment
        for name in gone {
            services[name] = nil
            moments[name] = nil
        }
        if isFollowing, !gone.isEmpty {
            events.append(.changes(gone.sorted().map { .remove(key($0)) }))
        }
        return events + begin()
    }

    /// Takes in the instances of a service. Of one that is not listed any more nothing is taken.
    mutating func read(
        _ name: String,
        _ entries: [HealthEntry],
        at moment: ContinuousClock.Instant
    ) -> [SourceEvent] {
        let events = recovered(name)
        guard names?.contains(name) == true else { return events }
        moments[name] = moment
        let service = reading.service(name, entries)
        guard services[name] != service else { return events + begin() }
        services[name] = service
        return events + (isFollowing ? [.changes([.set(service)])] : begin())
    }

    /// Takes in a read of everything.
    ///
    /// What was read otherwise since it began stands: it may be newer, and whoever waits for a change of it has it told
    /// once only. Where it is older, its change is still to be told.
    mutating func readAll(
        _ entries: [String: [HealthEntry]],
        begunAt begin: ContinuousClock.Instant
    ) -> [SourceEvent] {
        func isNewer(_ part: String) -> Bool { moments[part].map { $0 >= begin } ?? false }
        var list = Self.distinct(Set(entries.keys).subtracting(excluded))
        if isNewer(Self.list), let names { list = names }
        let known = services
        services = [:]
        for name in list {
            services[name] = isNewer(name) ? known[name] : entries[name].map { reading.service(name, $0) }
        }
        moments = moments.filter { $0.key == Self.list || list.contains($0.key) }
        names = list
        failing = [:]
        isFollowing = true
        return [.snapshot(Array(services.values))]
    }

    /// Takes in that a part, a service or the list itself, cannot be read at present.
    mutating func failed(_ part: String, _ error: TargetError) -> [SourceEvent] {
        failing[part] = error
        return [.lost(reason: error.description)]
    }

    /// The services to follow.
    var wanted: Set<String> { names ?? [] }

    /// Takes in that a part can be read again, or needs no reading any more.
    mutating func recovered(_ part: String) -> [SourceEvent] {
        guard failing.removeValue(forKey: part) != nil, failing.isEmpty, isFollowing else { return [] }
        return [.current]
    }

    // MARK: - Telling

    private mutating func begin() -> [SourceEvent] {
        guard !isFollowing, let names, names.allSatisfy({ services[$0] != nil }) else { return [] }
        isFollowing = true
        return [.snapshot(Array(services.values))]
    }

    private func key(_ name: String) -> ServiceKey {
        ServiceKey(namespace: ConsulServiceReading.namespace, name: name)
    }

    /// Names that differ by case alone are one service to Consul, listed in every spelling.
    private static func distinct(_ names: Set<String>) -> Set<String> {
        var seen: Set<String> = []
        return Set(names.sorted().filter { seen.insert($0.lowercased()).inserted })
    }
}
