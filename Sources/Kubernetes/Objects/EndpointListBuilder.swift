internal import ServiceCatalog

/// Collects the endpoints of a slice or of a subset as they are read: one for each address of each entry.
struct EndpointListBuilder {
    private(set) var endpoints: [Endpoint] = []
    /// Where the endpoints of the entry under way begin.
    private var entryStart = 0
    private var firstIPv4Offset: Int?
    private var firstIPv6Offset: Int?
    /// Of every host that is no address, in order.
    private var nameOffsets: [Int] = []

    /// Makes room for as many entries as a slice can have: without slack, for the array is kept.
    mutating func reserve(_ entries: Int) { endpoints.reserveCapacity(min(entries, 1000)) }

    mutating func addAddress(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) {
        if let address = IPAddress(utf8: bytes) {
            if address.isIPv4 {
                if firstIPv4Offset == nil { firstIPv4Offset = offset }
            } else if firstIPv6Offset == nil {
                firstIPv6Offset = offset
            }
            endpoints.append(Endpoint(host: .address(address)))
        } else {
            nameOffsets.append(offset)
            endpoints.append(Endpoint(host: .name(String(decoding: bytes, as: UTF8.self))))
        }
    }

    /// Gives the addresses added since the last entry what the entry says of them all.
    mutating func finishEntry(_ entry: EndpointFields, at offset: Int, _ context: inout DecodingContext) {
        if entryStart == endpoints.count {
            context.report(.objectInvalid, at: offset, "an endpoint without an address is left out")
        }
        let readiness = entry.conditions.readiness
        let place = context.places.place(nodeName: entry.nodeName, zone: entry.zone)
        for index in entryStart..<endpoints.count {
            endpoints[index].readiness = readiness
            endpoints[index].hostname = entry.hostname
            endpoints[index].targetName = entry.targetName
            endpoints[index].place = place
        }
        entryStart = endpoints.count
    }

    /// Gives all endpoints from `start` on the one array of ports.
    mutating func setPorts(_ ports: [EndpointPort], from start: Int = 0) {
        guard !ports.isEmpty else { return }
        for index in start..<endpoints.count { endpoints[index].ports = ports }
    }

    /// Leaves out, and reports, what the type of the addresses does not allow.
    mutating func keepOnly(_ type: AddressType, _ context: inout DecodingContext) {
        switch type {
        case .any:
            dropNames(expected: "an IP address", &context)
        case .ipv4:
            dropNames(expected: "an IPv4 address", &context)
            if let offset = firstIPv6Offset { dropFamily(isIPv4: false, type, at: offset, &context) }
        case .ipv6:
            dropNames(expected: "an IPv6 address", &context)
            if let offset = firstIPv4Offset { dropFamily(isIPv4: true, type, at: offset, &context) }
        case .fqdn:
            if let offset = firstIPv4Offset { dropFamily(isIPv4: true, type, at: offset, &context) }
            if let offset = firstIPv6Offset { dropFamily(isIPv4: false, type, at: offset, &context) }
            dropBadNames(&context)
        }
    }

    private mutating func dropNames(expected: String, _ context: inout DecodingContext) {
        guard !nameOffsets.isEmpty else { return }
        var offsets = nameOffsets.makeIterator()
        endpoints.removeAll { endpoint in
            guard case .name(let text) = endpoint.host else { return false }
            context.report(
                .addressUnusable,
                at: offsets.next() ?? 0,
                "address \"\(text.shortened)\" is left out: it is not \(expected)"
            )
            return true
        }
    }

    private mutating func dropBadNames(_ context: inout DecodingContext) {
        var offsets = nameOffsets.makeIterator()
        endpoints.removeAll { endpoint in
            guard case .name(let text) = endpoint.host else { return false }
            let offset = offsets.next() ?? 0
            if text.isHostName { return false }
            context.report(
                .addressUnusable,
                at: offset,
                "address \"\(text.shortened)\" is left out: it is not a DNS name"
            )
            return true
        }
    }

    private mutating func dropFamily(
        isIPv4: Bool,
        _ type: AddressType,
        at offset: Int,
        _ context: inout DecodingContext
    ) {
        let before = endpoints.count
        endpoints.removeAll { $0.host.address?.isIPv4 == isIPv4 }
        context.report(
            .addressUnusable,
            at: offset,
            "\(before - endpoints.count) \(isIPv4 ? "IPv4" : "IPv6") addresses are left out: the addressType is "
                + type.rawValue
        )
    }
}

enum AddressType: String {
    case ipv4 = "IPv4"
    case ipv6 = "IPv6"
    case fqdn = "FQDN"
    /// Either family, as in v1 Endpoints.
    case any = ""
}

/// What one entry of a slice's `endpoints`, or of a subset's addresses, says of all its addresses.
struct EndpointFields {
    var conditions = EndpointConditions()
    var hostname: String?
    var targetName: String?
    var nodeName: String?
    var zone: String?
}

extension JSONCursor {
    /// As ``readString()``, where an empty string counts as absent.
    mutating func readNonEmptyString() throws(ObjectDecodingError) -> String? {
        guard let string = try readString(), !string.isEmpty else { return nil }
        return string
    }

    /// As ``readNonEmptyString()``, for a string that recurs.
    mutating func readInterned(_ context: inout DecodingContext) throws(ObjectDecodingError) -> String? {
        guard let text = try readText() else { return nil }
        return text.withUTF8 { $0.isEmpty ? nil : context.interner.string($0) }
    }

    /// The name in an ObjectReference.
    mutating func readReferenceName() throws(ObjectDecodingError) -> String? {
        var name: String?
        try readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "name": name = try json.readNonEmptyString()
            default: try json.skip()
            }
        }
        return name
    }
}

extension WireCursor {
    /// As ``readString(_:)``, where an empty string counts as absent: the server writes one for an absent field.
    mutating func readNonEmptyString(_ field: WireField) throws(ObjectDecodingError) -> String? {
        let bytes = try readBytes(field)
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// As ``readNonEmptyString(_:)``, for a string that recurs.
    mutating func readInterned(
        _ field: WireField,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) -> String? {
        let bytes = try readBytes(field)
        return bytes.isEmpty ? nil : context.interner.string(bytes)
    }

    /// The name in an ObjectReference.
    mutating func readReferenceName(_ field: WireField) throws(ObjectDecodingError) -> String? {
        var reference = try readMessage(field)
        var name: String?
        while let field = try reference.nextField() {
            switch field.number {
            case WireNumber.ObjectReference.name: name = try reference.readNonEmptyString(field)
            default: try reference.skip(field)
            }
        }
        return name
    }
}

extension String {
    /// A DNS name of letters, digits, `-` and `_`, with or without its final dot.
    fileprivate var isHostName: Bool {
        guard (1...254).contains(utf8.count) else { return false }
        var labels = utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.last?.isEmpty == true { labels.removeLast() }
        return !labels.isEmpty
            && labels.allSatisfy { label in
                (1...63).contains(label.count)
                    && label.allSatisfy { byte in
                        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                    }
            }
    }
}
