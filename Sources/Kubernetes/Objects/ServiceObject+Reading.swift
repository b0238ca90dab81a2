internal import ServiceCatalog

extension ServiceObject: ReadableObject {
    package init(metadata: ObjectMetadata) {
        self.init(metadata: metadata, type: .clusterIP)
    }

    package init(json: inout JSONCursor, context: inout DecodingContext) throws(ObjectDecodingError) {
        _ = try json.peek()
        var builder = ServiceBuilder(offset: json.position)
        try builder.read(&json, &context)
        self = try builder.finish(&context)
    }

    package init(wire: WireCursor, context: inout DecodingContext) throws(ObjectDecodingError) {
        var builder = ServiceBuilder(offset: wire.position)
        try builder.read(wire, &context)
        self = try builder.finish(&context)
    }
}

/// The fields of a Service while it is read, and the rules that make them an object.
private struct ServiceBuilder {
    private let offset: Int
    private var metadata: MetadataFields
    private var type = ServiceObject.ServiceType.clusterIP
    private var clusterIP: ClusterIPs = .init()
    private var clusterIPs: ClusterIPs = .init()
    private var externalIPs: [Host] = []
    private var ingress: [Host] = []
    private var externalName = ""
    private var ports: [ServicePort] = []
    private var hasSelector = false
    private var publishesNotReadyAddresses = false

    /// The entries of `clusterIP` or `clusterIPs`.
    private struct ClusterIPs {
        var addresses: [IPAddress] = []
        var isNone = false
        var isGiven = false
    }

    init(offset: Int) {
        self.offset = offset
        metadata = MetadataFields(offset: offset)
    }

    mutating func finish(_ context: inout DecodingContext) throws(ObjectDecodingError) -> ServiceObject {
        let identity = try metadata.identity(in: &context)
        if type == .externalName, externalName.isEmpty {
            throw ObjectDecodingError(.missingField("spec.externalName"), at: offset)
        }
        if context.source == .manifest, !identity.name.isDNSLabel {
            context.report(
                .nameInvalid,
                at: metadata.nameOffset,
                "the name \"\(identity.name.shortened)\" is not a DNS label: up to 63 of a-z, 0-9 and -, no - at the ends"
            )
        }
        // API servers before 1.20 know `clusterIP` alone.
        let cluster = clusterIPs.isGiven ? clusterIPs : clusterIP
        return ServiceObject(
            metadata: identity,
            type: type,
            isHeadless: cluster.isNone || !cluster.isGiven,
            clusterAddresses: cluster.addresses,
            externalHosts: externalIPs + ingress,
            externalName: externalName,
            ports: ports,
            hasSelector: hasSelector,
            publishesNotReadyAddresses: publishesNotReadyAddresses,
            settings: metadata.annotations.isEmpty ? .none : .reading(metadata.annotations),
            problems: context.problems
        )
    }

    private mutating func setType(_ text: String, at offset: Int, _ context: inout DecodingContext) {
        switch text {
        case "", "ClusterIP": type = .clusterIP
        case "NodePort": type = .nodePort
        case "LoadBalancer": type = .loadBalancer
        case "ExternalName": type = .externalName
        default:
            context.report(
                .objectInvalid,
                at: offset,
                "the type \"\(text.shortened)\" is none of ClusterIP, NodePort, LoadBalancer, ExternalName; "
                    + "it is read as ClusterIP"
            )
        }
    }

    private static func add(
        clusterIP bytes: UnsafeBufferPointer<UInt8>,
        at offset: Int,
        to list: inout ClusterIPs,
        _ context: inout DecodingContext
    ) {
        guard !bytes.isEmpty else { return }
        list.isGiven = true
        if bytes.elementsEqual("None") {
            list.isNone = true
        } else if let address = IPAddress(utf8: bytes) {
            list.addresses.append(address)
        } else {
            reportUnusable(bytes, "clusterIP", at: offset, &context)
        }
    }

    private static func add(
        address bytes: UnsafeBufferPointer<UInt8>,
        _ name: String,
        at offset: Int,
        to hosts: inout [Host],
        _ context: inout DecodingContext
    ) {
        guard !bytes.isEmpty else { return }
        if let address = IPAddress(utf8: bytes) {
            hosts.append(.address(address))
        } else {
            reportUnusable(bytes, name, at: offset, &context)
        }
    }

    private static func reportUnusable(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ name: String,
        at offset: Int,
        _ context: inout DecodingContext
    ) {
        let text = String(decoding: bytes, as: UTF8.self).shortened
        context.report(.addressUnusable, at: offset, "\(name) \"\(text)\" is left out: it is not an IP address")
    }
}

// MARK: - JSON

extension ServiceBuilder {
    mutating func read(_ json: inout JSONCursor, _ context: inout DecodingContext) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "kind": try json.expect(kind: ServiceObject.resource.kind)
            case "metadata": metadata = try MetadataFields(json: &json)
            case "spec": try readSpec(&json, &context)
            case "status":
                try json.readObject { (key, json) throws(ObjectDecodingError) in
                    switch key {
                    case "loadBalancer": try readLoadBalancer(&json, &context)
                    default: try json.skip()
                    }
                }
            default: try json.skip()
            }
        }
    }

    private mutating func readSpec(
        _ json: inout JSONCursor,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "type":
                guard let text = try json.readText() else { return }
                setType(text.string, at: text.offset, &context)
            case "clusterIP":
                clusterIP = ClusterIPs()
                guard let text = try json.readText() else { return }
                text.withUTF8 { Self.add(clusterIP: $0, at: text.offset, to: &clusterIP, &context) }
            case "clusterIPs":
                clusterIPs = ClusterIPs()
                try json.readArray { (json) throws(ObjectDecodingError) in
                    guard let text = try json.readText() else { return }
                    text.withUTF8 { Self.add(clusterIP: $0, at: text.offset, to: &clusterIPs, &context) }
                }
            case "externalIPs":
                externalIPs = []
                try json.readArray { (json) throws(ObjectDecodingError) in
                    guard let text = try json.readText() else { return }
                    text.withUTF8 { Self.add(address: $0, "externalIP", at: text.offset, to: &externalIPs, &context) }
                }
            case "externalName": externalName = try json.readString() ?? ""
            case "ports":
                ports = []
                try json.readArray { (json) throws(ObjectDecodingError) in
                    if let port = try PortFields(json: &json).servicePort(&context) { ports.append(port) }
                }
            case "selector":
                hasSelector = false
                try json.readObject { (_, json) throws(ObjectDecodingError) in
                    hasSelector = true
                    try json.skip()
                }
            case "publishNotReadyAddresses": publishesNotReadyAddresses = try json.readBoolean() ?? false
            default: try json.skip()
            }
        }
    }

    private mutating func readLoadBalancer(
        _ json: inout JSONCursor,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "ingress":
                ingress = []
                try json.readArray { (json) throws(ObjectDecodingError) in
                    try json.readObject { (key, json) throws(ObjectDecodingError) in
                        switch key {
                        case "ip":
                            guard let text = try json.readText() else { return }
                            text.withUTF8 {
                                Self.add(address: $0, "ingress IP", at: text.offset, to: &ingress, &context)
                            }
                        case "hostname":
                            if let name = try json.readNonEmptyString() { ingress.append(.name(name)) }
                        default: try json.skip()
                        }
                    }
                }
            default: try json.skip()
            }
        }
    }
}

// MARK: - Protobuf

extension ServiceBuilder {
    mutating func read(_ wire: WireCursor, _ context: inout DecodingContext) throws(ObjectDecodingError) {
        var wire = wire
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.Service.metadata: metadata = try MetadataFields(wire: try wire.readMessage(field))
            case WireNumber.Service.spec: try readSpec(try wire.readMessage(field), &context)
            case WireNumber.Service.status:
                var status = try wire.readMessage(field)
                while let field = try status.nextField() {
                    switch field.number {
                    case WireNumber.ServiceStatus.loadBalancer:
                        try readLoadBalancer(try status.readMessage(field), &context)
                    default: try status.skip(field)
                    }
                }
            default: try wire.skip(field)
            }
        }
    }

    private mutating func readSpec(
        _ wire: WireCursor,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        var wire = wire
        while let field = try wire.nextField() {
            let offset = wire.position
            switch field.number {
            case WireNumber.ServiceSpec.ports:
                let fields = try PortFields(wire: try wire.readMessage(field), .servicePort)
                if let port = fields.servicePort(&context) { ports.append(port) }
            case WireNumber.ServiceSpec.selector:
                hasSelector = true
                try wire.skip(field)
            case WireNumber.ServiceSpec.clusterIP:
                Self.add(clusterIP: try wire.readBytes(field), at: offset, to: &clusterIP, &context)
            case WireNumber.ServiceSpec.clusterIPs:
                Self.add(clusterIP: try wire.readBytes(field), at: offset, to: &clusterIPs, &context)
            case WireNumber.ServiceSpec.type:
                setType(try wire.readString(field), at: offset, &context)
            case WireNumber.ServiceSpec.externalIPs:
                Self.add(address: try wire.readBytes(field), "externalIP", at: offset, to: &externalIPs, &context)
            case WireNumber.ServiceSpec.externalName: externalName = try wire.readString(field)
            case WireNumber.ServiceSpec.publishNotReadyAddresses:
                publishesNotReadyAddresses = try wire.readBoolean(field)
            default: try wire.skip(field)
            }
        }
    }

    private mutating func readLoadBalancer(
        _ wire: WireCursor,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        var wire = wire
        while let field = try wire.nextField() {
            guard field.number == WireNumber.LoadBalancerStatus.ingress else {
                try wire.skip(field)
                continue
            }
            var entry = try wire.readMessage(field)
            while let field = try entry.nextField() {
                let offset = entry.position
                switch field.number {
                case WireNumber.LoadBalancerIngress.ip:
                    Self.add(address: try entry.readBytes(field), "ingress IP", at: offset, to: &ingress, &context)
                case WireNumber.LoadBalancerIngress.hostname:
                    if let name = try entry.readNonEmptyString(field) { ingress.append(.name(name)) }
                default: try entry.skip(field)
                }
            }
        }
    }
}
