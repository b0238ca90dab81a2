import DNSCore
package import ServiceCatalog

/// What a zone shows of the catalog, and the changes that keep it so. Pure: it is told what changed and reads the
/// present state of it; what comes out is applied to the zone's image.
///
/// Its states, and what ends them:
/// - *loading*: some of its systems have neither been read completely nor are remembered; changes are only noted. Ends with
///   the last such system's first complete snapshot, when everything is projected at once.
/// - *ready*: every change is projected as it comes. Never ends: a system that is lost keeps its last contents.
package struct ZoneState: Sendable {
    private enum Naming: Sendable {
        case kubernetes(KubernetesSchema)
        case registry(RegistrySchema)
        case merged(MergedSchema)
    }

    /// A service as it was last projected.
    private struct Entry {
        /// By system of the zone; shared with the catalog, not copied.
        let services: [Service?]
        let number: ReverseIndex.ServiceNumber
        /// The systems, by index, whose endpoints are last resorts.
        let expired: Set<Int>
    }

    /// A name before a batch.
    private struct Before {
        var layout: ServiceLayout?
        /// Of the service that held it.
        var number: ReverseIndex.ServiceNumber?
        var claimants: [ServiceKey] = []
    }

    /// Changes to PTR records while a batch is made.
    private struct PointerChanges {
        /// By reverse zone.
        var ready: [[OwnerChange]]
        /// Addresses whose records depend on more than one service, to be told when all are known.
        var undecided: Set<IPAddress> = []
    }

    /// How many changes a batch of a large load has, so that the load is never in memory as a whole.
    private static let batchSize = 1_024

    package let zone: ZoneDefinition
    private let naming: Naming
    private var unsynced: Set<SystemName>
    /// What stands in for the contents of unsynced systems, until they are read.
    private var remembered: [SystemName: [ServiceKey: Service]] = [:]
    /// As in ``Entry/expired``, for services to come.
    private var expired: Set<Int> = []
    /// Services seen while loading.
    private var noted: Set<ServiceKey> = []
    private var entries: [ServiceKey: Entry] = [:]
    /// The services that lay claim to a name, the one that holds it first. Several only where names had to be mapped.
    private var claimants: [DomainName: [ServiceKey]] = [:]
    private var reverse: ReverseIndex
    private var keyOfNumber: [ServiceKey?] = []
    private var freeNumbers: [ReverseIndex.ServiceNumber] = []

    /// False while loading. The zone must not be answered from before.
    package private(set) var isReady = false
    /// What a person should mend, by service. Services without problems are not listed.
    package private(set) var problems: [ServiceKey: [Problem]] = [:]

    package init(_ zone: ZoneDefinition) {
        self.zone = zone
        naming =
            switch zone.schema {
            case .kubernetes: .kubernetes(KubernetesSchema(zone: zone))
            case .registry: .registry(RegistrySchema(zone: zone))
            case .merged: .merged(MergedSchema(zone: zone))
            }
        unsynced = Set(zone.systems)
        reverse = ReverseIndex(zones: zone.schema == .kubernetes ? zone.reverse : [])
    }

    /// The systems whose first complete snapshot is still awaited, remembered or not.
    package var awaited: [SystemName] { unsynced.sorted() }

    /// The systems that are shown as they are remembered.
    package var recalled: Set<SystemName> { Set(remembered.keys) }

    // MARK: Events

    /// Takes in what the catalog holds already. Call it once, before any ``update(_:reading:publish:)``.
    ///
    /// - Parameters:
    ///   - memory: the contents to show of systems that have not been read yet.
    ///   - publish: is given everything the zone shows, when all its systems are synced or remembered; otherwise nothing.
    package mutating func start(
        from catalog: Catalog,
        remembering memory: [SystemName: RememberedSystem] = [:],
        publish: (ZoneBatch) -> Void
    ) {
        for system in zone.systems {
            if let state = catalog.systems[system], state.freshness.isSynced {
                unsynced.remove(system)
                noted.formUnion(state.services.keys)
            } else if let services = memory[system]?.services {
                remembered[system] = Dictionary(services.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
                noted.formUnion(services.map(\.key))
            }
        }
        loadIfKnown(reading: { catalog.service($0, in: $1) }, publish: publish)
    }

    /// Takes in that services may have changed.
    ///
    /// - Parameters:
    ///   - service: the present state of a service in a system.
    ///   - publish: is given what is to be changed, to be applied in order. When it returns and ``isReady`` has become
    ///     true, the zone and its reverse zones hold all they should.
    package mutating func update(
        _ delta: CatalogDelta,
        reading service: (ServiceKey, SystemName) -> Service?,
        publish: (ZoneBatch) -> Void
    ) {
        guard zone.systems.contains(delta.system) else { return }
        var keys = delta.changed
        if delta.becameSynced {
            unsynced.remove(delta.system)
            // What was remembered and is not there is gone.
            if let memory = remembered.removeValue(forKey: delta.system) { keys += memory.keys }
        }
        if isReady {
            project(keys, reading: service, publish: publish)
            return
        }
        noted.formUnion(keys)
        loadIfKnown(reading: service, publish: publish)
    }

    /// Makes the endpoints of `systems`, and of no others, last resorts of a merged zone.
    ///
    /// - Parameters: as of ``update(_:reading:publish:)``.
    package mutating func expire(
        _ systems: Set<SystemName>,
        reading service: (ServiceKey, SystemName) -> Service?,
        publish: (ZoneBatch) -> Void
    ) {
        guard case .merged = naming else { return }
        let indices = Set(zone.systems.indices.filter { systems.contains(zone.systems[$0]) })
        guard indices != expired else { return }
        let differing = indices.symmetricDifference(expired)
        expired = indices
        guard isReady else { return }
        let keys = entries.filter { _, entry in differing.contains { entry.services[$0] != nil } }.keys.sorted()
        for start in stride(from: 0, to: keys.count, by: Self.batchSize) {
            project(Array(keys[start..<min(start + Self.batchSize, keys.count)]), reading: service, publish: publish)
        }
    }

    private mutating func loadIfKnown(
        reading service: (ServiceKey, SystemName) -> Service?,
        publish: (ZoneBatch) -> Void
    ) {
        guard !isReady, unsynced.allSatisfy({ remembered[$0] != nil }) else { return }
        isReady = true
        if let version { publish(ZoneBatch(zone: zone.name, changes: [version])) }
        let keys = noted.sorted()
        noted = []
        project(keys, reading: service, publish: publish)
    }

    // MARK: Projection

    private mutating func project(
        _ keys: [ServiceKey],
        reading service: (ServiceKey, SystemName) -> Service?,
        publish: (ZoneBatch) -> Void
    ) {
        // All services first, then the names they claim, each once: a name may go from one service to another.
        var before: [DomainName: Before] = [:]
        var names: [DomainName] = []
        var gone: [ReverseIndex.ServiceNumber] = []
        for key in Set(keys).count == keys.count ? keys : Array(Set(keys)).sorted() {
            let name = name(of: key)
            if let name, before[name] == nil {
                before[name] = present(name)
                names.append(name)
            }
            let services = zone.systems.map { system in
                if let memory = remembered[system] { memory[key] } else { service(key, system) }
            }
            if let number = setEntry(key, services) { gone.append(number) }
            if let name { claim(name, key) } else { report(present(key).problems, of: key) }
        }

        var changes = ForwardChanges()
        var pointers = PointerChanges(ready: Array(repeating: [], count: reverse.zones.count))
        for name in names {
            project(name, before[name]!, into: &changes, &pointers)
            guard changes.present.count >= Self.batchSize else { continue }
            flush(&changes.present, in: zone.name, publish)
            flush(&pointers, publish)
        }
        flush(&changes.present, in: zone.name, publish)
        decide(&pointers)
        flush(&pointers, publish)
        flush(&changes.absent, in: zone.name, publish)
        freeNumbers += gone
    }

    private func flush(_ changes: inout [OwnerChange], in zone: DomainName, _ publish: (ZoneBatch) -> Void) {
        guard !changes.isEmpty else { return }
        publish(ZoneBatch(zone: zone, changes: changes))
        changes.removeAll(keepingCapacity: true)
    }

    private func flush(_ pointers: inout PointerChanges, _ publish: (ZoneBatch) -> Void) {
        for index in pointers.ready.indices { flush(&pointers.ready[index], in: reverse.zones[index].name, publish) }
    }

    /// What the zone shows under a name now.
    private func present(_ name: DomainName) -> Before {
        guard let claimants = claimants[name], let holder = claimants.first else { return Before() }
        return Before(layout: present(holder).layout, number: entries[holder]?.number, claimants: claimants)
    }

    private mutating func project(
        _ name: DomainName,
        _ before: Before,
        into changes: inout ForwardChanges,
        _ pointers: inout PointerChanges
    ) {
        let claimants = claimants[name] ?? []
        let new = claimants.first.map { present($0) }
        changes.pointers = reverse.isEmpty ? nil : []
        ServiceLayout.compare(before.layout, new?.layout, into: &changes)
        // Where there are reverse zones, a name is one service's for ever, and so is the number.
        let number = before.number ?? claimants.first.flatMap { entries[$0]?.number }
        if let differences = changes.pointers, let number {
            for difference in differences { take(difference, of: number, &pointers) }
        }
        for claimant in before.claimants where !claimants.contains(claimant) { report([], of: claimant) }
        for claimant in claimants {
            if claimant == claimants[0] {
                report(new?.problems ?? [], of: claimant)
            } else {
                report(present(claimant).problems + [collision(claimant, with: claimants[0], name)], of: claimant)
            }
        }
    }

    private mutating func report(_ found: [Problem], of key: ServiceKey) {
        problems[key] = found.isEmpty ? nil : found
    }

    /// Records that `key`, which is there or not, does or does not claim `name`.
    private mutating func claim(_ name: DomainName, _ key: ServiceKey) {
        var keys = claimants[name] ?? []
        if hasEntry(key) {
            guard !keys.contains(key) else { return }
            keys.append(key)
            if keys.count > 1 { keys.sort { precedence($0) < precedence($1) } }
        } else {
            keys.removeAll { $0 == key }
        }
        claimants[name] = keys.isEmpty ? nil : keys
    }

    /// A name that needed no mapping goes first.
    private func precedence(_ key: ServiceKey) -> (Int, ServiceKey) {
        let isLiteral =
            switch naming {
            case .kubernetes: true
            case .registry(let schema): schema.isLiteral(key)
            case .merged(let schema): schema.isLiteral(key)
            }
        return (isLiteral ? 0 : 1, key)
    }

    private func collision(_ key: ServiceKey, with holder: ServiceKey, _ name: DomainName) -> Problem {
        Problem(
            .nameCollision,
            "\(key) and \(holder) both come to the name \(name); it shows \(holder), and \(key) is left out: "
                + "rename one of them"
        )
    }

    // MARK: Entries

    /// Returns the number of a service that is gone. It must not be given to another while a batch is being made.
    private mutating func setEntry(_ key: ServiceKey, _ services: [Service?]) -> ReverseIndex.ServiceNumber? {
        let known = entries[key]
        guard services.contains(where: { $0 != nil }) else {
            entries[key] = nil
            if let known { keyOfNumber[Int(known.number)] = nil }
            return known?.number
        }
        let number: ReverseIndex.ServiceNumber
        if let known {
            number = known.number
        } else if let free = freeNumbers.popLast() {
            number = free
            keyOfNumber[Int(number)] = key
        } else {
            number = ReverseIndex.ServiceNumber(keyOfNumber.count)
            keyOfNumber.append(key)
        }
        entries[key] = Entry(services: services, number: number, expired: expired)
        return nil
    }

    func hasEntry(_ key: ServiceKey) -> Bool { entries[key] != nil }

    /// What the zone would show of a service as it was last read.
    func present(_ key: ServiceKey) -> ProjectedService {
        guard let entry = entries[key] else { return ProjectedService() }
        let services = entry.services
        return switch naming {
        case .kubernetes(let schema): services[0].map { schema.project($0) } ?? ProjectedService()
        case .registry(let schema): services[0].map { schema.project($0) } ?? ProjectedService()
        case .merged(let schema): schema.project(key, services, expired: entry.expired)
        }
    }

    func name(of key: ServiceKey) -> DomainName? {
        switch naming {
        case .kubernetes(let schema): schema.name(of: key)
        case .registry(let schema): schema.name(of: key)
        case .merged(let schema): schema.name(of: key)
        }
    }

    /// The service that holds a name.
    func holder(of name: DomainName) -> ServiceKey? { claimants[name]?.first }

    /// The record of the schema's version: TTL as in the specification's example.
    private var version: OwnerChange? {
        let version: String
        switch naming {
        case .kubernetes: version = KubernetesSchema.version
        case .registry: return nil
        case .merged: version = MergedSchema.version
        }
        return zone.name.prefixed(by: "dns-version").map { owner in
            OwnerChange(owner: owner, sets: [RecordSet(type: .txt, ttl: 28_800, data: [.txt([Array(version.utf8)])])])
        }
    }

    // MARK: Reverse names

    private mutating func take(
        _ difference: ServiceLayout.PointerDifference,
        of service: ReverseIndex.ServiceNumber,
        _ pointers: inout PointerChanges
    ) {
        switch difference {
        case .claimed(let address, let name):
            guard let zone = reverse.zone(of: address) else { return }
            reverse.claim(address, by: service)
            if let name, !reverse.isShared(address) {
                pointers.ready[zone].append(pointerChange(address, to: [name]))
                if !pointers.undecided.isEmpty { pointers.undecided.remove(address) }
            } else {
                pointers.undecided.insert(address)
            }
        case .renamed(let address):
            pointers.undecided.insert(address)
        case .released(let address):
            reverse.release(address, by: service)
            pointers.undecided.insert(address)
        }
    }

    private func decide(_ pointers: inout PointerChanges) {
        for address in pointers.undecided.sorted() {
            guard let zone = reverse.zone(of: address) else { continue }
            pointers.ready[zone].append(pointerChange(address, to: names(of: address)))
        }
    }

    private func pointerChange(_ address: IPAddress, to names: [DomainName]) -> OwnerChange {
        let set = RecordSet(type: .ptr, ttl: zone.ttl, data: names.map { .ptr($0) })
        return OwnerChange(owner: address.reverseName, sets: names.isEmpty ? [] : [set])
    }

    func hasReverseName(_ address: IPAddress) -> Bool { reverse.zone(of: address) != nil }

    /// The names an address leads to: services that have it as their own, then endpoints.
    private func names(of address: IPAddress) -> [DomainName] {
        guard case .kubernetes(let schema) = naming else { return [] }
        var services: Set<DomainName> = []
        var hosts: Set<DomainName> = []
        reverse.forEachService(with: address) { number in
            guard let key = keyOfNumber[Int(number)], let service = entries[key]?.services[0] else { return }
            let names = schema.names(of: address, in: service)
            if let name = names.service { services.insert(name) }
            hosts.formUnion(names.hosts)
        }
        func sorted(_ names: Set<DomainName>) -> [DomainName] {
            names.sorted { $0.wire.lexicographicallyPrecedes($1.wire) }
        }
        return sorted(services) + sorted(hosts)
    }
}
