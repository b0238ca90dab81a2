/// The data of an SVCB or HTTPS record in service mode (RFC 9460): one way to reach a service.
package struct ServiceBinding: Hashable, Sendable {
    /// The keys of RFC 9460 section 14.3.2.
    private enum Key {
        static let mandatory: UInt16 = 0, alpn: UInt16 = 1, noDefaultALPN: UInt16 = 2, port: UInt16 = 3
        static let ipv4hint: UInt16 = 4, ipv6hint: UInt16 = 6
    }

    /// The smallest is tried first; 1 or more, as 0 makes an alias.
    package var priority: UInt16
    package var target: DomainName
    /// Keys that a client must understand to use the record.
    package var mandatory: Set<UInt16> = []
    /// ALPN protocol ids, each of 1 to 255 octets.
    package var alpn: [[UInt8]] = []
    package var noDefaultALPN = false
    package var port: UInt16?
    package var ipv4Hints: [UInt32] = []
    package var ipv6Hints: [UInt128] = []

    package init(priority: UInt16, target: DomainName) {
        self.priority = priority
        self.target = target
    }

    // MARK: Wire form

    /// The data as records hold it: parameters by ascending key (section 2.2).
    package var wire: [UInt8] {
        Self.wire(priority: priority, target: target, parameters: parameters, ipv4: ipv4Hints, ipv6: ipv6Hints)
    }

    /// What comes before the hints of addresses, which many records have in common.
    package var parameters: [UInt8] {
        var bytes: [UInt8] = []
        if !mandatory.isEmpty {
            bytes.append(key: Key.mandatory, length: 2 * mandatory.count)
            for key in mandatory.sorted() { bytes.append(bigEndian: key) }
        }
        if !alpn.isEmpty {
            bytes.append(key: Key.alpn, length: alpn.reduce(0) { $0 + 1 + $1.count })
            for id in alpn { bytes += [UInt8(truncatingIfNeeded: id.count)] + id }
        }
        if noDefaultALPN { bytes.append(key: Key.noDefaultALPN, length: 0) }
        if let port {
            bytes.append(key: Key.port, length: 2)
            bytes.append(bigEndian: port)
        }
        return bytes
    }

    /// As ``wire-swift.property``, of a record whose other parameters are at hand.
    package static func wire(
        priority: UInt16,
        target: DomainName,
        parameters: [UInt8],
        ipv4: [UInt32],
        ipv6: [UInt128]
    ) -> [UInt8] {
        var wire: [UInt8] = []
        wire.reserveCapacity(10 + target.wire.count + parameters.count + 4 * ipv4.count + 16 * ipv6.count)
        wire.append(bigEndian: priority)
        wire += target.wire
        wire += parameters
        if !ipv4.isEmpty {
            wire.append(key: Key.ipv4hint, length: 4 * ipv4.count)
            for hint in ipv4 { wire.append(bigEndian: hint) }
        }
        if !ipv6.isEmpty {
            wire.append(key: Key.ipv6hint, length: 16 * ipv6.count)
            for hint in ipv6 { wire.append(bigEndian: hint) }
        }
        return wire
    }

    /// Reads what ``wire`` writes; `nil` for anything malformed (section 2.2), for an alias, and for keys that have no place
    /// here.
    package init?(wire: [UInt8]) {
        var reader = Reader(bytes: wire[...])
        guard let priority = reader.uint16(), priority > 0, let target = reader.name() else { return nil }
        self.init(priority: priority, target: target)
        var last: UInt16?
        while !reader.bytes.isEmpty {
            guard let key = reader.uint16(), key > last ?? 0 || last == nil, let length = reader.uint16(),
                let value = reader.take(Int(length))
            else { return nil }
            last = key
            guard read(Reader(bytes: value), key) else { return nil }
        }
        let keys = Set(
            [
                alpn.isEmpty ? nil : Key.alpn, noDefaultALPN ? Key.noDefaultALPN : nil, port == nil ? nil : Key.port,
                ipv4Hints.isEmpty ? nil : Key.ipv4hint, ipv6Hints.isEmpty ? nil : Key.ipv6hint,
            ].compactMap(\.self)
        )
        guard mandatory.isSubset(of: keys), !noDefaultALPN || !alpn.isEmpty else { return nil }
    }

    private mutating func read(_ value: Reader, _ key: UInt16) -> Bool {
        var value = value
        switch key {
        case Key.mandatory:
            var last: UInt16 = 0
            while !value.bytes.isEmpty {
                guard let key = value.uint16(), key > last else { return false }
                mandatory.insert(key)
                last = key
            }
            return !mandatory.isEmpty
        case Key.alpn:
            while let length = value.bytes.popFirst() {
                guard length > 0, let id = value.take(Int(length)) else { return false }
                alpn.append(Array(id))
            }
            return !alpn.isEmpty
        case Key.noDefaultALPN:
            noDefaultALPN = true
            return value.bytes.isEmpty
        case Key.port:
            port = value.uint16()
            return port != nil && value.bytes.isEmpty
        case Key.ipv4hint:
            while let high = value.uint16(), let low = value.uint16() {
                ipv4Hints.append(UInt32(high) << 16 | UInt32(low))
            }
            return value.bytes.isEmpty && !ipv4Hints.isEmpty
        case Key.ipv6hint:
            guard value.bytes.count % 16 == 0 else { return false }
            while let octets = value.take(16) { ipv6Hints.append(octets.reduce(0) { $0 << 8 | UInt128($1) }) }
            return !ipv6Hints.isEmpty
        default: return false
        }
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard count <= bytes.count else { return nil }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count)
        }

        mutating func uint16() -> UInt16? { take(2).map { $0.reduce(0) { $0 << 8 | UInt16($1) } } }

        /// A name in full, as it must be here (section 2.2).
        mutating func name() -> DomainName? {
            var wire: [UInt8] = []
            while let length = bytes.first {
                guard length < 64, let label = take(1 + Int(length)), wire.count + label.count <= 255 else {
                    return nil
                }
                wire += label
                if length == 0 { return DomainName(uncheckedWire: wire.map(\.lowercasedASCII)) }
            }
            return nil
        }
    }

    // MARK: Text

    /// In zone file form (section 2.1).
    ///
    /// - Parameter address: writes an IPv6 address.
    package func text(ipv6 address: (UInt128) -> String) -> String {
        let names: [UInt16: String] = [
            Key.alpn: "alpn", Key.noDefaultALPN: "no-default-alpn", Key.port: "port", Key.ipv4hint: "ipv4hint",
            Key.ipv6hint: "ipv6hint",
        ]
        var words = ["\(priority)", "\(target)"]
        if !mandatory.isEmpty {
            words.append("mandatory=" + mandatory.sorted().map { names[$0] ?? "key\($0)" }.joined(separator: ","))
        }
        if !alpn.isEmpty { words.append("alpn=\"" + alpn.map(Self.escaped).joined(separator: ",") + "\"") }
        if noDefaultALPN { words.append("no-default-alpn") }
        if let port { words.append("port=\(port)") }
        if !ipv4Hints.isEmpty {
            let hints = ipv4Hints.map { "\($0 >> 24).\($0 >> 16 & 0xff).\($0 >> 8 & 0xff).\($0 & 0xff)" }
            words.append("ipv4hint=" + hints.joined(separator: ","))
        }
        if !ipv6Hints.isEmpty { words.append("ipv6hint=" + ipv6Hints.map(address).joined(separator: ",")) }
        return words.joined(separator: " ")
    }

    /// An item of a list within a character-string: appendix A.1 escapes commas and backslashes, and then the string is
    /// escaped once more.
    private static func escaped(_ id: [UInt8]) -> String {
        id.map { byte in
            switch byte {
            case UInt8(ascii: ","), UInt8(ascii: "\\"):
                byte == UInt8(ascii: ",") ? "\\\\," : "\\\\\\\\"
            case UInt8(ascii: "\""): "\\\""
            case 0x20...0x7e: String(UnicodeScalar(byte))
            default: "\\" + String(repeating: "0", count: byte < 10 ? 2 : byte < 100 ? 1 : 0) + "\(byte)"
            }
        }.joined()
    }
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian value: some FixedWidthInteger) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    fileprivate mutating func append(key: UInt16, length: Int) {
        append(bigEndian: key)
        append(bigEndian: UInt16(truncatingIfNeeded: length))
    }
}
