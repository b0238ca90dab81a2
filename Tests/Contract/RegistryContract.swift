import ServiceCatalog
package import SyncEngine

/// What every target keeps, whatever the registry: run each clause against a harness of its own.
package struct RegistryContract: Sendable, CustomStringConvertible {
    package let name: String
    private let body: @Sendable (any RegistryHarness) async throws -> Void

    package var description: String { name }

    private init(_ name: String, _ body: @escaping @Sendable (any RegistryHarness) async throws -> Void) {
        self.name = name
        self.body = body
    }

    package func check(_ harness: any RegistryHarness) async throws { try await body(harness) }

    package static let clauses = [
        emptyRegion, readBack, restart, hostileValues, normalForm, update, healthOnly, removal, absentRemoval,
        foreignEntry, foreignReplacement, twoInstallations, outsideRemoval, refusedEntry, noRemovalAfterFailedPut,
        fullBatch, emptyBatch,
    ]

    private static let cluster = "contract-east"

    private static func follower(_ harness: any RegistryHarness, _ cluster: String = cluster) async throws -> Follower {
        let follower = Follower(try await harness.makeTarget(cluster: cluster))
        try await follower.waitUntilRead()
        return follower
    }

    /// A registration of `cart`, instance `number`.
    package static func registration(
        _ number: Int = 1,
        service: String = "cart",
        cluster: String = cluster
    ) -> Registration {
        let host = Host.address(.v4(0x0a01_0000 + UInt32(number)))
        return Registration(
            id: EntryID(service: service, host: host, port: 8080),
            service: service,
            host: host,
            port: 8080,
            portName: "http",
            weight: 10,
            tags: ["v1", "canary"],
            metadata: ["team": "shop"],
            mark: Mark(
                owner: cluster,
                from: "k8s",
                key: ServiceKey(namespace: "shop", name: service),
                origin: Origin(cluster: cluster, system: "k8s")
            ),
            instance: "\(service)-\(number)",
            node: "node-1",
            zone: "zone-a"
        )
    }

    private static func put(_ registration: Registration, on follower: Follower) async throws -> Registration {
        let normal = follower.target.normalise(registration).registration
        let results = await follower.apply([.put(normal, replacing: follower.entries[normal.id])])
        try require(results == [.done], "writing \(normal.id): \(results)")
        try require(
            follower.entries[normal.id]?.registration == normal,
            "own write is not in the mirror when apply returns: \(String(describing: follower.entries[normal.id]))"
        )
        return normal
    }

    // MARK: - Reading and writing

    private static let emptyRegion = RegistryContract("A region nobody wrote to reads as complete and empty") {
        let follower = try await follower($0)
        try require(follower.entries.isEmpty, "found \(follower.entries)")
    }

    private static let readBack = RegistryContract("What is written is what the mirror shows") {
        let follower = try await follower($0)
        _ = try await put(registration(), on: follower)
    }

    private static let restart = RegistryContract("After a restart every entry reads back as it was written") {
        let first = try await follower($0)
        var written: [Registration] = []
        for number in 1...3 { written.append(try await put(registration(number), on: first)) }
        let second = try await follower($0)
        try require(second.entries.count == 3, "\(second.entries.count) entries")
        for registration in written {
            let found = second.entries[registration.id]?.registration
            try require(found == registration, "wrote \(registration), read \(String(describing: found))")
        }
    }

    private static let hostileValues = RegistryContract("Values a registry cannot hold are fitted, and read back equal")
    {
        let first = try await follower($0)
        var odd: [Registration] = []
        var item = registration(1)
        item.weight = 0
        odd.append(item)
        item = registration(2)
        item.weight = 65535
        item.health = .critical
        item.tags = ["a,b", "ü", String(repeating: "t", count: 300)]
        odd.append(item)
        item = registration(3)
        item.metadata = Dictionary(uniqueKeysWithValues: (0..<100).map { ("key/\($0).x", "\($0)") })
        item.metadata["long"] = String(repeating: "é", count: 5000)
        item.metadata[String(repeating: "k", count: 400)] = "long key"
        item.metadata["consul-reserved"] = "x"
        item.metadata[""] = "empty key"
        item.metadata["quotes"] = "\"\\\n\u{1}</script>"
        odd.append(item)
        item = registration(4)
        item.host = .address(.v6(high: 0x2001_0db8_0000_0000, low: 7))
        item.id = EntryID(service: item.service, host: item.host, port: item.port)
        item.transport = .udp
        item.appProtocol = "kubernetes.io/h2c"
        odd.append(item)
        item = registration(5)
        item.host = .name("db.example.com")
        item.port = 0
        item.portName = ""
        item.id = EntryID(service: item.service, host: item.host, port: item.port)
        item.instance = nil
        item.node = nil
        item.zone = nil
        item.health = .draining
        item.mark.via = [Origin(cluster: "west", system: "hz"), Origin(cluster: cluster, system: "k8s")]
        odd.append(item)
        var written: [Registration] = []
        for item in odd { written.append(try await put(item, on: first)) }
        let second = try await follower($0)
        for registration in written {
            let found = second.entries[registration.id]?.registration
            try require(found == registration, "wrote \(registration), read \(String(describing: found))")
        }
    }

    private static let normalForm = RegistryContract("The normal form of a normal form is itself") {
        let target = try await $0.makeTarget(cluster: cluster)
        var item = registration()
        item.metadata = Dictionary(uniqueKeysWithValues: (0..<100).map { ("key/\($0).x", "\($0)") })
        item.metadata["long"] = String(repeating: "é", count: 5000)
        item.weight = 0
        let once = target.normalise(item)
        let twice = target.normalise(once.registration)
        try require(once.registration == twice.registration, "\(once.registration) became \(twice.registration)")
        try require(twice.problems.isEmpty, "a normal form has problems: \(twice.problems)")
    }

    private static let update = RegistryContract("A changed registration replaces the whole entry") {
        let follower = try await follower($0)
        var item = try await put(registration(), on: follower)
        item.tags = []
        item.metadata = [:]
        item.weight = 1
        item.zone = nil
        item.mark.key = ServiceKey(namespace: "other", name: "cart")
        _ = try await put(item, on: follower)
        let second = try await Self.follower($0)
        let found = second.entries[item.id]?.registration
        try require(found == follower.target.normalise(item).registration, "read \(String(describing: found))")
    }

    private static let healthOnly = RegistryContract("Health alone can change, forth and back") {
        let follower = try await follower($0)
        var item = registration()
        for health in [Registration.Health.passing, .critical, .draining, .passing] {
            item.health = health
            _ = try await put(item, on: follower)
        }
    }

    // MARK: - Removing

    private static let removal = RegistryContract("A removal takes one entry and leaves every other") {
        let follower = try await follower($0)
        for number in 1...3 { _ = try await put(registration(number), on: follower) }
        let gone = registration(2).id
        guard let entry = follower.entries[gone] else { throw ContractViolation("not there") }
        let results = await follower.apply([.remove(entry)])
        try require(results == [.done], "\(results)")
        try require(follower.entries[gone] == nil, "the mirror still shows it")
        let second = try await Self.follower($0)
        try require(
            Set(second.entries.keys) == [registration(1).id, registration(3).id],
            "left \(second.entries.keys)"
        )
    }

    private static let absentRemoval = RegistryContract("Removing what somebody removed meanwhile harms nothing") {
        let follower = try await follower($0)
        let item = try await put(registration(1), on: follower)
        _ = try await put(registration(2), on: follower)
        guard let entry = follower.entries[item.id] else { throw ContractViolation("not there") }
        try await $0.removeBehindBack(item.id, service: item.service, cluster: cluster)
        _ = await follower.apply([.remove(entry)])
        let second = try await Self.follower($0)
        try require(Set(second.entries.keys) == [registration(2).id], "left \(second.entries.keys)")
    }

    // MARK: - Ownership

    private static let foreignEntry = RegistryContract("An entry without our mark is shown as somebody else's") {
        let id = registration().id
        try await $0.putForeignEntry(id, service: "cart", cluster: cluster)
        let follower = try await follower($0)
        try require(follower.entries[id]?.isOwn != true, "taken for own: \(String(describing: follower.entries[id]))")
    }

    private static let foreignReplacement = RegistryContract(
        "An entry that is somebody else's by now is not overwritten"
    ) {
        // The writer believes that there is nothing: its own view is from before.
        let target = try await $0.makeTarget(cluster: cluster)
        let follower = Follower(target)
        try await follower.waitUntilRead()
        _ = try await put(registration(9, service: "other"), on: follower)
        let item = target.normalise(registration()).registration
        try await $0.putForeignEntry(item.id, service: "cart", cluster: cluster)
        let results = await follower.apply([.put(item, replacing: nil)])
        guard case .failed(.conflict) = results.first else { throw ContractViolation("\(results)") }
        try require(
            try await $0.hasForeignEntry(item.id, service: "cart", cluster: cluster),
            "the foreign entry was changed"
        )
    }

    private static let twoInstallations = RegistryContract(
        "Two installations share a service without touching each other"
    ) {
        let east = try await follower($0)
        let west = try await follower($0, "contract-west")
        let ours = try await put(registration(1), on: east)
        let theirs = try await put(registration(1, cluster: "contract-west"), on: west)
        try require(!east.entries.values.contains { $0.isOwn && $0.mark?.owner != cluster }, "east took west's for own")
        guard let entry = east.entries[ours.id] else { throw ContractViolation("not there") }
        let results = await east.apply([.remove(entry)])
        try require(results == [.done], "\(results)")
        let again = try await follower($0, "contract-west")
        try require(again.entries[theirs.id]?.registration == theirs, "west's entry went with east's")
    }

    // MARK: - Following

    private static let outsideRemoval = RegistryContract("An entry that somebody removes is seen to be gone") {
        let follower = try await follower($0)
        let item = try await put(registration(1), on: follower)
        _ = try await put(registration(2), on: follower)
        try await $0.removeBehindBack(item.id, service: item.service, cluster: cluster)
        try await follower.wait { $0.entries[item.id] == nil }
        try require(follower.entries[registration(2).id] != nil, "the other went too")
        _ = try await put(item, on: follower)
    }

    // MARK: - Batches

    private static let refusedEntry = RegistryContract(
        "A refused entry is named, and the rest can be written without it"
    ) {
        guard let bad = $0.unacceptable(registration(2)) else { return }
        let follower = try await follower($0)
        let good = [1, 3].map { follower.target.normalise(registration($0, service: "s\($0)")).registration }
        let results = await follower.apply([
            .put(good[0], replacing: nil), .put(bad, replacing: nil), .put(good[1], replacing: nil),
        ])
        guard case .failed(.invalid) = results[1] else { throw ContractViolation("\(results)") }
        try require(![results[0], results[2]].contains { if case .failed = $0 { true } else { false } }, "\(results)")
        for (item, result) in [(good[0], results[0]), (good[1], results[2])] where result == .notTried {
            try require(follower.entries[item.id] == nil, "\(item.id) was written though not tried")
            _ = try await put(item, on: follower)
        }
    }

    private static let noRemovalAfterFailedPut = RegistryContract(
        "Nothing of a service is removed after a failed write"
    ) {
        guard let bad = $0.unacceptable(registration(2)) else { return }
        let follower = try await follower($0)
        let old = try await put(registration(1), on: follower)
        guard let entry = follower.entries[old.id] else { throw ContractViolation("not there") }
        let results = await follower.apply([.put(bad, replacing: nil), .remove(entry)])
        try require(results[1] != .done, "\(results)")
        let second = try await Self.follower($0)
        try require(second.entries[old.id] != nil, "the old instance was removed before the new one stood")
    }

    private static let fullBatch = RegistryContract("A batch up to the limit is written whole") {
        let follower = try await follower($0)
        var operations: [Operation] = []
        var cost = 0
        while true {
            let item = follower.target.normalise(registration(operations.count + 1)).registration
            let operation = Operation.put(item, replacing: nil)
            cost += follower.target.cost(of: operation)
            guard cost <= follower.target.batchLimit, operations.count < 200 else { break }
            operations.append(operation)
        }
        let results = await follower.apply(operations)
        try require(results.allSatisfy { $0 == .done }, "\(results)")
        let second = try await Self.follower($0)
        try require(second.entries.count == operations.count, "\(second.entries.count) of \(operations.count)")
        let removals = operations.compactMap { second.entries[$0.id].map(Operation.remove) }
        let removed = await second.apply(removals)
        try require(removed.allSatisfy { $0 == .done }, "\(removed)")
        try require(second.entries.isEmpty, "left \(second.entries.count)")
    }

    private static let emptyBatch = RegistryContract("An empty batch does nothing") {
        let follower = try await follower($0)
        let results = await follower.apply([])
        try require(results.isEmpty, "\(results)")
    }
}
