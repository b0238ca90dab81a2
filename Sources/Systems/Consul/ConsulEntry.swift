import ServiceCatalog
import SyncEngine

/// How a registration is kept in Consul: a service instance on the installation's node, with one check. Pure.
struct ConsulEntry: Sendable {
    /// `external-source` is what Consul's own tools show as the maker of an entry.
    static let sourceKey = "external-source"
    static let source = "portolan"
    /// The weight of an instance in warning: with it, Consul's DNS gives a draining instance the last place.
    static let drainingWeight = 0

    let node: String
    let cluster: String

    // MARK: - Reading

    static func checkID(of service: String) -> String { "service:\(service)" }

    /// What stands in the catalog under one service id. `check` is this adapter's own check of it.
    func observed(_ service: CatalogService, _ check: CatalogCheck?) -> ObservedEntry? {
        // An instance with an empty id can be removed only with its node; it is nobody's business here.
        guard let id = EntryID(service.id) else { return nil }
        let metadata = EntryMetadata(service.meta)
        let holder: ObservedEntry.Holder
        if metadata.owner == cluster {
            holder = .own(metadata.mark, registration(id, service, check, metadata))
        } else if let owner = metadata.owner {
            holder = .other("the Portolan installation \"\(owner)\"")
        } else {
            holder = .other("someone who is not Portolan (service \"\(service.name)\" on node \"\(node)\")")
        }
        return ObservedEntry(id: id, service: service.name, holder: holder, revision: service.modifyIndex)
    }

    private func registration(
        _ id: EntryID,
        _ service: CatalogService,
        _ check: CatalogCheck?,
        _ metadata: EntryMetadata
    ) -> Registration? {
        guard let mark = metadata.mark, let check, let health = Registration.Health(status: check.status),
            let port = UInt16(exactly: service.port), service.warningWeight == Self.drainingWeight,
            service.meta[Self.sourceKey] == Self.source
        else { return nil }
        var rest = metadata.rest
        rest[Self.sourceKey] = nil
        return Registration(
            id: id,
            service: service.name,
            host: Host(service.address),
            port: port,
            portName: metadata.portName,
            transport: metadata.transport,
            appProtocol: metadata.appProtocol,
            health: health,
            weight: service.passingWeight,
            tags: service.tags,
            metadata: rest,
            mark: mark,
            instance: metadata.instance,
            node: metadata.node,
            zone: metadata.zone
        )
    }

    // MARK: - Writing

    /// The transaction operations that carry out `operation`, each as JSON.
    func transaction(_ operation: Operation) -> [[UInt8]] {
        switch operation {
        case .put(let registration, let before):
            guard Self.changesService(registration, before) else { return [check(registration)] }
            return [service(registration, expecting: before?.revision ?? 0), check(registration)]
        case .remove(let entry):
            return [deletion(entry)]
        }
    }

    /// How many transaction operations ``transaction(_:)`` makes.
    static func operationCount(_ operation: Operation) -> Int {
        switch operation {
        case .put(let registration, let before): changesService(registration, before) ? 2 : 1
        case .remove: 1
        }
    }

    /// Whether more than the health differs.
    private static func changesService(_ registration: Registration, _ before: ObservedEntry?) -> Bool {
        guard var present = before?.registration else { return true }
        present.health = registration.health
        return present != registration
    }

    /// Compare-and-set: with index 0 it creates, and never overwrites what somebody else wrote meanwhile.
    private func service(_ registration: Registration, expecting revision: UInt64) -> [UInt8] {
        var meta = registration.storedMetadata
        meta[Self.sourceKey] = Self.source
        return Self.operation("Service", verb: "cas") { writer in
            writer.field("Node", node)
            writer.key("Service")
            writer.object { writer in
                writer.field("ID", registration.id.rawValue)
                writer.field("Service", registration.service)
                writer.field("Tags", registration.tags)
                writer.field("Address", registration.host.description)
                writer.field("Port", registration.port)
                writer.field("Meta", meta)
                writer.key("Weights")
                writer.object { writer in
                    writer.field("Passing", registration.weight)
                    writer.field("Warning", Self.drainingWeight)
                }
                writer.field("ModifyIndex", revision)
            }
        }
    }

    private func check(_ registration: Registration) -> [UInt8] {
        Self.operation("Check", verb: "set") { writer in
            writer.key("Check")
            writer.object { writer in
                writer.field("Node", node)
                writer.field("CheckID", Self.checkID(of: registration.id.rawValue))
                writer.field("Name", "Readiness in \(registration.mark.from)")
                writer.field("Status", registration.health.status)
                writer.field("Output", registration.health.output)
                writer.field("ServiceID", registration.id.rawValue)
                // What the ACL of the operation is decided by.
                writer.field("ServiceName", registration.service)
            }
        }
    }

    /// Deletes only what was seen: an ``EntryID`` is never empty, and the node is never named without one.
    private func deletion(_ entry: ObservedEntry) -> [UInt8] {
        Self.operation("Service", verb: "delete-cas") { writer in
            writer.field("Node", node)
            writer.key("Service")
            writer.object { writer in
                writer.field("ID", entry.id.rawValue)
                writer.field("Service", entry.service)
                writer.field("ModifyIndex", entry.revision)
            }
        }
    }

    /// Creates the node, and leaves one that exists as it is: every change of a node record wakes all who watch any of
    /// its services.
    func nodeCreation() -> [UInt8] {
        Self.operation("Node", verb: "cas") { writer in
            writer.key("Node")
            writer.object { writer in
                writer.field("Node", node)
                // Every instance has an address of its own; Consul wants one for the node all the same.
                writer.field("Address", "127.0.0.1")
                writer.field(
                    "Meta",
                    [Self.sourceKey: Self.source, EntryMetadata.Key.owner.rawValue: cluster]
                )
                writer.field("ModifyIndex", 0)
            }
        }
    }

    private static func operation(_ kind: String, verb: String, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key(kind)
            writer.object { writer in
                writer.field("Verb", verb)
                body(&writer)
            }
        }
        return writer.bytes
    }
}

extension Registration.Health {
    fileprivate init?(status: String) {
        switch status {
        case "passing": self = .passing
        case "warning": self = .draining
        case "critical": self = .critical
        default: return nil
        }
    }

    fileprivate var status: String {
        switch self {
        case .passing: "passing"
        case .draining: "warning"
        case .critical: "critical"
        }
    }

    fileprivate var output: String {
        switch self {
        case .passing: "Ready"
        case .draining: "Draining: serves what it has, and should get nothing new"
        case .critical: "Not ready"
        }
    }
}
