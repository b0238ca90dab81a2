internal import ServiceCatalog

/// A port as it is written, of a Service, a slice or a subset, and the rules that make it usable.
struct PortFields {
    let offset: Int
    var name = ""
    var number: Int?
    var transport: TransportProtocol? = .tcp
    var unknownTransport = ""
    var appProtocol: String?
    var nodePort = 0

    init(offset: Int) { self.offset = offset }

    mutating func setTransport(_ text: String) {
        switch text {
        case "", "TCP": transport = .tcp
        case "UDP": transport = .udp
        case "SCTP": transport = .sctp
        default:
            transport = nil
            unknownTransport = text
        }
    }

    mutating func setAppProtocol(_ text: String) { appProtocol = text.isEmpty ? nil : text }

    /// `nil` where the port must be left out; the reason is reported, except that a port without number is legal on an
    /// endpoint and offers nothing to connect to.
    func endpointPort(_ context: inout DecodingContext) -> EndpointPort? {
        guard number != nil else { return nil }
        guard let number = validNumber(&context), let transport = validTransport(&context) else { return nil }
        return EndpointPort(name: name, number: number, transport: transport, appProtocol: appProtocol)
    }

    /// `nil` where the port must be left out, which is reported.
    func servicePort(_ context: inout DecodingContext) -> ServicePort? {
        guard let number = validNumber(&context), let transport = validTransport(&context) else { return nil }
        if !(0...65535).contains(nodePort) {
            context.report(.objectInvalid, at: offset, "nodePort \(nodePort) is not between 1 and 65535")
        }
        return ServicePort(
            name: name,
            number: number,
            transport: transport,
            appProtocol: appProtocol,
            nodePort: nodePort == 0 ? nil : UInt16(exactly: nodePort)
        )
    }

    private func validNumber(_ context: inout DecodingContext) -> UInt16? {
        if let number, let valid = UInt16(exactly: number), valid > 0 { return valid }
        let shown = number.map { "port \($0)" } ?? "a port without number"
        context.report(.objectInvalid, at: offset, "\(shown)\(title) is left out: a port is between 1 and 65535")
        return nil
    }

    private func validTransport(_ context: inout DecodingContext) -> TransportProtocol? {
        if transport == nil {
            context.report(
                .objectInvalid,
                at: offset,
                "port \(number ?? 0)\(title) is left out: its protocol \"\(unknownTransport.shortened)\" is none of "
                    + "TCP, UDP, SCTP"
            )
        }
        return transport
    }

    private var title: String { name.isEmpty ? "" : " (\(name.shortened))" }
}

extension PortFields {
    init(json: inout JSONCursor) throws(ObjectDecodingError) {
        _ = try json.peek()
        self.init(offset: json.position)
        try read(&json)
    }

    private mutating func read(_ json: inout JSONCursor) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "name": name = try json.readString() ?? ""
            case "port": number = try json.readInteger()
            case "protocol": setTransport(try json.readString() ?? "")
            case "appProtocol": setAppProtocol(try json.readString() ?? "")
            case "nodePort": nodePort = try json.readInteger() ?? 0
            default: try json.skip()
            }
        }
    }

    /// The three kinds of ports have the same fields under different numbers.
    enum Message {
        case servicePort
        case slicePort
        case subsetPort
    }

    init(wire: WireCursor, _ message: Message) throws(ObjectDecodingError) {
        self.init(offset: wire.position)
        var wire = wire
        while let field = try wire.nextField() {
            switch (message, field.number) {
            case (.servicePort, WireNumber.ServicePort.name), (.slicePort, WireNumber.SlicePort.name),
                (.subsetPort, WireNumber.SubsetPort.name):
                name = try wire.readString(field)
            case (.servicePort, WireNumber.ServicePort.port), (.slicePort, WireNumber.SlicePort.port),
                (.subsetPort, WireNumber.SubsetPort.port):
                number = try wire.readInt32(field)
            case (.servicePort, WireNumber.ServicePort.transport), (.slicePort, WireNumber.SlicePort.transport),
                (.subsetPort, WireNumber.SubsetPort.transport):
                setTransport(try wire.readString(field))
            case (.servicePort, WireNumber.ServicePort.appProtocol), (.slicePort, WireNumber.SlicePort.appProtocol),
                (.subsetPort, WireNumber.SubsetPort.appProtocol):
                setAppProtocol(try wire.readString(field))
            case (.servicePort, WireNumber.ServicePort.nodePort):
                nodePort = try wire.readInt32(field)
            default: try wire.skip(field)
            }
        }
    }
}

extension String {
    /// Fit for a message, however long the value is.
    var shortened: String { utf8.count > 80 ? "\(prefix(64))…" : self }
}
