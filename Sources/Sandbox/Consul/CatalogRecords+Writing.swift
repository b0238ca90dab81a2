extension GoJSONWriter {
    /// Reads answer a missing list of tags with an empty one; transactions show it as it is stored.
    enum MissingTags { case asEmpty, asNull }

    mutating func node(_ node: NodeRecord) {
        object { writer in
            writer.member("ID", node.id)
            writer.member("Node", node.name)
            writer.member("Address", node.address)
            writer.member("Datacenter", node.datacenter)
            writer.member("TaggedAddresses", node.taggedAddresses)
            writer.member("Meta", node.meta)
            writer.indexes(node.createIndex, node.modifyIndex)
        }
    }

    mutating func service(_ service: ServiceRecord, missingTags: MissingTags) {
        object { writer in
            if !service.kind.isEmpty { writer.member("Kind", service.kind) }
            writer.member("ID", service.id)
            writer.member("Service", service.name)
            writer.tags("Tags", service.tags, missingTags)
            writer.member("Address", service.address)
            writer.taggedAddresses("TaggedAddresses", service.taggedAddresses)
            writer.member("Meta", service.meta)
            if service.port != 0 { writer.member("Port", service.port) }
            if !service.socketPath.isEmpty { writer.member("SocketPath", service.socketPath) }
            writer.weights("Weights", service.weights)
            writer.member("EnableTagOverride", service.enableTagOverride)
            writer.name("Proxy")
            writer.emptyProxy()
            writer.emptyObject("Connect")
            writer.indexes(service.createIndex, service.modifyIndex)
        }
    }

    /// The flat form of `/v1/catalog/service/`.
    mutating func serviceNode(_ service: ServiceRecord, on node: NodeRecord) {
        object { writer in
            writer.member("ID", node.id)
            writer.member("Node", node.name)
            writer.member("Address", node.address)
            writer.member("Datacenter", node.datacenter)
            writer.member("TaggedAddresses", node.taggedAddresses)
            writer.member("NodeMeta", node.meta)
            writer.member("ServiceKind", service.kind)
            writer.member("ServiceID", service.id)
            writer.member("ServiceName", service.name)
            writer.tags("ServiceTags", service.tags, .asEmpty)
            writer.member("ServiceAddress", service.address)
            writer.taggedAddresses("ServiceTaggedAddresses", service.taggedAddresses)
            writer.weights("ServiceWeights", service.weights)
            writer.member("ServiceMeta", service.meta ?? [:])
            writer.member("ServicePort", service.port)
            writer.member("ServiceSocketPath", service.socketPath)
            writer.member("ServiceEnableTagOverride", service.enableTagOverride)
            writer.name("ServiceProxy")
            writer.emptyProxy()
            writer.emptyObject("ServiceConnect")
            writer.indexes(service.createIndex, service.modifyIndex)
        }
    }

    mutating func check(_ check: CheckRecord, missingTags: MissingTags) {
        object { writer in
            writer.member("Node", check.node)
            writer.member("CheckID", check.id)
            writer.member("Name", check.name)
            writer.member("Status", check.status)
            writer.member("Notes", check.notes)
            writer.member("Output", check.output)
            writer.member("ServiceID", check.serviceID)
            writer.member("ServiceName", check.serviceName)
            writer.tags("ServiceTags", check.serviceTags, missingTags)
            writer.member("Type", check.type)
            writer.member("ExposedPort", 0)
            writer.name("Definition")
            writer.definition(check.definition)
            writer.indexes(check.createIndex, check.modifyIndex)
        }
    }

    /// Empty fields are left out.
    private mutating func definition(_ definition: CheckDefinition) {
        object { writer in
            writer.duration("Interval", definition.interval)
            writer.duration("Timeout", definition.timeout)
            writer.duration("DeregisterCriticalServiceAfter", definition.deregisterCriticalServiceAfter)
            writer.text("HTTP", definition.http)
            writer.text("TLSServerName", definition.tlsServerName)
            if definition.tlsSkipVerify { writer.member("TLSSkipVerify", true) }
            if let header = definition.header, !header.isEmpty {
                writer.name("Header")
                writer.object { writer in
                    for (name, values) in header.sorted(by: { $0.key < $1.key }) { writer.member(name, values) }
                }
            }
            writer.text("Method", definition.method)
            writer.text("Body", definition.body)
            writer.text("TCP", definition.tcp)
            writer.text("GRPC", definition.grpc)
            if definition.grpcUseTLS { writer.member("GRPCUseTLS", true) }
            writer.text("AliasNode", definition.aliasNode)
            writer.text("AliasService", definition.aliasService)
            writer.duration("TTL", definition.ttl)
        }
    }

    mutating func key(_ record: KeyRecord, withValue: Bool = true) {
        object { writer in
            writer.member("LockIndex", record.lockIndex)
            writer.member("Key", record.key)
            writer.member("Flags", record.flags)
            writer.name("Value")
            if withValue, !record.value.isEmpty {
                writer.string(Base64.encode(record.value))
            } else {
                writer.null()
            }
            writer.text("Session", record.session)
            writer.indexes(record.createIndex, record.modifyIndex)
        }
    }

    mutating func session(_ session: SessionRecord) {
        object { writer in
            writer.member("ID", session.id)
            writer.member("Name", session.name)
            writer.member("Node", session.node)
            writer.member("LockDelay", session.lockDelay.nanoseconds)
            writer.member("Behavior", session.behavior.rawValue)
            writer.member("TTL", session.ttl)
            writer.member("NodeChecks", session.nodeChecks)
            writer.member("ServiceChecks", session.serviceChecks)
            writer.indexes(session.createIndex, session.modifyIndex)
        }
    }

    mutating func weights(_ name: String, _ weights: ServiceWeights) {
        self.name(name)
        object { writer in
            writer.member("Passing", weights.passing)
            writer.member("Warning", weights.warning)
        }
    }

    /// Left out when there are none.
    mutating func taggedAddresses(_ name: String, _ addresses: [String: ServiceAddress]?) {
        guard let addresses, !addresses.isEmpty else { return }
        self.name(name)
        object { writer in
            for (tag, address) in addresses.sorted(by: { $0.key < $1.key }) {
                writer.name(tag)
                writer.object { writer in
                    writer.member("Address", address.address)
                    writer.member("Port", address.port)
                }
            }
        }
    }

    private mutating func tags(_ name: String, _ tags: [String]?, _ missing: MissingTags) {
        member(name, missing == .asEmpty ? tags ?? [] : tags)
    }

    private mutating func emptyProxy() {
        object { writer in
            writer.member("Mode", "")
            writer.emptyObject("MeshGateway")
            writer.emptyObject("Expose")
        }
    }

    private mutating func indexes(_ created: UInt64, _ modified: UInt64) {
        member("CreateIndex", created)
        member("ModifyIndex", modified)
    }

    private mutating func duration(_ name: String, _ duration: GoDuration) {
        if duration.nanoseconds != 0 { member(name, duration.description) }
    }

    private mutating func text(_ name: String, _ text: String) {
        if !text.isEmpty { member(name, text) }
    }
}
