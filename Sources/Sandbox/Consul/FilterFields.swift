/// The fields that each kind of answer lets filters select.

extension NodeRecord {
    static let filterFields: [String: FilterField<NodeRecord>] = [
        "ID": .text(\.id),
        "Node": .text(\.name),
        "Address": .text(\.address),
        "Datacenter": .text(\.datacenter),
        "TaggedAddresses": .map { $0.taggedAddresses ?? [:] },
        "Meta": .map { $0.meta ?? [:] },
    ]
}

extension ServiceRecord {
    static let filterFields: [String: FilterField<ServiceRecord>] = [
        "Kind": .text(\.kind),
        "ID": .text(\.id),
        "Service": .text(\.name),
        "Tags": .list { $0.tags ?? [] },
        "Address": .text(\.address),
        "TaggedAddresses": .addresses { $0.taggedAddresses ?? [:] },
        "Meta": .map { $0.meta ?? [:] },
        "Port": .number(\.port),
        "Weights.Passing": .number(\.weights.passing),
        "Weights.Warning": .number(\.weights.warning),
        "EnableTagOverride": .bool(\.enableTagOverride),
    ]
}

extension CheckRecord {
    static let filterFields: [String: FilterField<CheckRecord>] = [
        "Node": .text(\.node),
        "CheckID": .text(\.id),
        "Name": .text(\.name),
        "Status": .text(\.status),
        "Notes": .text(\.notes),
        "Output": .text(\.output),
        "ServiceID": .text(\.serviceID),
        "ServiceName": .text(\.serviceName),
        "ServiceTags": .list { $0.serviceTags ?? [] },
        "Type": .text(\.type),
    ]
}

/// An instance with its node and the checks that bear on it.
struct HealthEntry: Sendable {
    let node: NodeRecord
    let service: ServiceRecord
    var checks: [CheckRecord]

    /// Of `/v1/health/service/`.
    static let healthFields: [String: FilterField<HealthEntry>] =
        prefixed("Node", NodeRecord.filterFields, \.node).merging(
            prefixed("Service", ServiceRecord.filterFields, \.service),
            uniquingKeysWith: { first, _ in first }
        )

    /// Of `/v1/catalog/service/`.
    static let catalogFields: [String: FilterField<HealthEntry>] = [
        "ID": .text(\.node.id),
        "Node": .text(\.node.name),
        "Address": .text(\.node.address),
        "Datacenter": .text(\.node.datacenter),
        "TaggedAddresses": .map { $0.node.taggedAddresses ?? [:] },
        "NodeMeta": .map { $0.node.meta ?? [:] },
        "ServiceKind": .text(\.service.kind),
        "ServiceID": .text(\.service.id),
        "ServiceName": .text(\.service.name),
        "ServiceTags": .list { $0.service.tags ?? [] },
        "ServiceAddress": .text(\.service.address),
        "ServiceTaggedAddresses": .addresses { $0.service.taggedAddresses ?? [:] },
        "ServiceMeta": .map { $0.service.meta ?? [:] },
        "ServicePort": .number(\.service.port),
        "ServiceWeights.Passing": .number(\.service.weights.passing),
        "ServiceWeights.Warning": .number(\.service.weights.warning),
        "ServiceEnableTagOverride": .bool(\.service.enableTagOverride),
    ]

    private static func prefixed<Part>(
        _ prefix: String,
        _ fields: [String: FilterField<Part>],
        _ part: @escaping @Sendable (HealthEntry) -> Part
    ) -> [String: FilterField<HealthEntry>] {
        fields.reduce(into: [:]) { result, field in
            let lifted: FilterField<HealthEntry> =
                switch field.value {
                case .text(let read): .text { read(part($0)) }
                case .number(let read): .number { read(part($0)) }
                case .bool(let read): .bool { read(part($0)) }
                case .list(let read): .list { read(part($0)) }
                case .map(let read): .map { read(part($0)) }
                case .addresses(let read): .addresses { read(part($0)) }
                }
            result["\(prefix).\(field.key)"] = lifted
        }
    }
}
