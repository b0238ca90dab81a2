/// The services and checks registered with the agent itself, which it carries into the catalog and keeps there.
///
/// A TTL check: *waiting* → (heartbeat) *waiting* anew; → (TTL passes) *expired*, critical → (heartbeat) *waiting*;
/// → (critical for `DeregisterCriticalServiceAfter`) gone with its service.
struct LocalAgent: Sendable {
    struct Check: Sendable {
        var record: CheckRecord
        /// `nil` for a check without heartbeats, such as maintenance mode.
        var ttl: Duration?
        /// When the TTL runs out; `nil` once it has.
        var deadline: Duration?
        var deregisterAfter: Duration?
        var criticalSince: Duration?
        var isSynced = false
        /// A change of output alone reaches the catalog only then.
        var deferredUntil: Duration?
    }

    private struct LocalService: Sendable {
        var record: ServiceRecord
        var isSynced = false
    }

    /// What the agent wants written into the catalog.
    enum CatalogWrite: Sendable {
        case register(RegisterRequest)
        case deregisterService(String)
        case deregisterCheck(String)
    }

    private let settings: ConsulSettings
    private var services: [String: LocalService] = [:]
    private(set) var checks: [String: Check] = [:]
    private var removals: [CatalogWrite] = []

    static let outputDelay = Duration.seconds(300)
    static let shortestDeregistration = Duration.seconds(60)

    init(_ settings: ConsulSettings) { self.settings = settings }

    func service(_ id: String) -> ServiceRecord? { services[id]?.record }

    /// In order of ID.
    var sortedServices: [ServiceRecord] { services.sorted { $0.key < $1.key }.map(\.value.record) }

    /// In order of ID.
    var sortedChecks: [CheckRecord] { checks.sorted { $0.key < $1.key }.map(\.value.record) }

    func checks(ofService id: String) -> [CheckRecord] { sortedChecks.filter { $0.serviceID == id } }

    // MARK: Events

    /// Checks that are there already stay, unless they shall be replaced.
    mutating func register(_ registration: AgentRegistration, replacesChecks: Bool, now: Duration) {
        let service = registration.service
        if services[service.id]?.record != service { services[service.id] = LocalService(record: service) }
        if replacesChecks {
            let listed = Set(registration.checks.map(\.record.id))
            for check in checks(ofService: service.id) where !listed.contains(check.id) { removeCheck(check.id) }
        }
        for check in registration.checks { add(check, now: now) }
    }

    mutating func add(_ new: AgentCheck, now: Duration) {
        var record = new.record
        record.node = settings.nodeName
        if let service = services[record.serviceID]?.record {
            (record.serviceName, record.serviceTags) = (service.name, service.tags)
        }
        if record.status.isEmpty { record.status = CheckRecord.critical }
        var check = Check(record: record, ttl: new.ttl)
        check.deadline = new.ttl.map { now + $0 }
        check.deregisterAfter = new.deregisterAfter.map { max($0, Self.shortestDeregistration) }
        check.criticalSince = record.status == CheckRecord.critical ? now : nil
        checks[record.id] = check
    }

    mutating func deregister(_ id: String) {
        guard services.removeValue(forKey: id) != nil else { return }
        for (check, state) in checks where state.record.serviceID == id { checks[check] = nil }
        removals.append(.deregisterService(id))
    }

    mutating func removeCheck(_ id: String) {
        guard checks.removeValue(forKey: id) != nil else { return }
        removals.append(.deregisterCheck(id))
    }

    /// A heartbeat. False when the check is not this agent's, or has no TTL.
    mutating func beat(_ id: String, status: String, output: String, now: Duration) -> Bool {
        guard let ttl = checks[id]?.ttl else { return false }
        checks[id]?.deadline = now + ttl
        update(id, status, output, now: now)
        return true
    }

    private mutating func update(_ id: String, _ status: String, _ output: String, now: Duration) {
        guard var check = checks[id], check.record.status != status || check.record.output != output else { return }
        check.record.output = output
        if check.record.status == status {
            if check.isSynced { check.deferredUntil = check.deferredUntil ?? now + Self.outputDelay }
        } else {
            check.record.status = status
            check.isSynced = false
            check.deferredUntil = nil
            check.criticalSince = status == CheckRecord.critical ? now : nil
        }
        checks[id] = check
    }

    /// Lets time pass: TTLs run out, services long critical go.
    mutating func tick(now: Duration) {
        for (id, check) in checks.sorted(by: { $0.key < $1.key }) {
            if let deadline = check.deadline, deadline <= now {
                checks[id]?.deadline = nil
                let last = check.record.output
                let output = last.isEmpty ? "TTL expired" : "TTL expired (last output before timeout follows): \(last)"
                update(id, CheckRecord.critical, output, now: deadline)
            }
            if let deferral = check.deferredUntil, deferral <= now {
                checks[id]?.deferredUntil = nil
                checks[id]?.isSynced = false
            }
            if let end = Self.end(of: check), end <= now { deregister(check.record.serviceID) }
        }
    }

    private static func end(of check: Check) -> Duration? {
        guard let since = check.criticalSince, let after = check.deregisterAfter else { return nil }
        return since + after
    }

    /// When `tick` will next have something to do.
    var nextDeadline: Duration? {
        checks.values.flatMap { [$0.deadline, $0.deferredUntil, Self.end(of: $0)].compactMap { $0 } }.min()
    }

    // MARK: Anti-entropy

    /// What the catalog lacks, in the order the agent writes it; from now on it counts as written.
    mutating func takeWrites() -> [CatalogWrite] {
        var writes: [CatalogWrite] = []
        let node = NodeRecord(name: settings.nodeName, address: "127.0.0.1", datacenter: settings.datacenter)
        for (id, service) in services.sorted(by: { $0.key < $1.key }) where !service.isSynced {
            services[id]?.isSynced = true
            let unsynced = checks.values.filter { !$0.isSynced && $0.record.serviceID == id }.map(\.record)
            for check in unsynced { markSynced(check.id) }
            writes.append(
                .register(
                    RegisterRequest(
                        node: node,
                        skipsNodeUpdate: true,
                        service: service.record,
                        checks: unsynced.sorted { $0.id < $1.id }
                    )
                )
            )
        }
        for check in sortedChecks where checks[check.id]?.isSynced == false {
            markSynced(check.id)
            writes.append(.register(RegisterRequest(node: node, skipsNodeUpdate: true, checks: [check])))
        }
        defer { removals = [] }
        return removals + writes
    }

    var hasWrites: Bool {
        !removals.isEmpty || services.values.contains { !$0.isSynced } || checks.values.contains { !$0.isSynced }
    }

    private mutating func markSynced(_ id: String) {
        checks[id]?.isSynced = true
        checks[id]?.deferredUntil = nil
    }
}
