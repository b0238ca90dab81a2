package import DNSCore

/// What the TSIG record of a message was worth.
package enum TSIGAuthentication: Sendable {
    /// The last record is no TSIG.
    case unsigned
    /// No message, or a TSIG that makes no sense (FORMERR).
    case malformed
    /// It was made with a key known here. What follows is signed with it.
    case genuine(message: Message, bytes: [UInt8], signer: TSIGSigner)
    /// NOTAUTH; the answer says why.
    case refused(TSIGRefusal)
}

/// How a message whose TSIG does not hold is answered (RFC 8945 section 5.3.2).
package struct TSIGRefusal: Sendable {
    /// A word for logs and counters.
    package let reason: String
    let record: TSIGRecord
    /// `nil` where the answer must not be signed.
    let key: TSIGKey?
    let requestCode: [UInt8]

    /// Ends a response with the TSIG record that says what is wrong.
    package func sign(_ response: inout [UInt8]) {
        var record = record
        if let key {
            let covered = TSIGSigner.prefixed(requestCode) + response + record.variables
            record.code = key.code(for: covered)
        }
        TSIGSigner.append(record, to: &response)
    }
}

/// Keys by name.
package struct TSIGKeyring: Sendable, Equatable {
    private var keys: [DomainName: TSIGKey] = [:]

    package init(_ keys: [TSIGKey] = []) {
        for key in keys { self.keys[key.name] = key }
    }

    package subscript(name: DomainName) -> TSIGKey? { keys[name] }

    /// Checks the TSIG of a request (RFC 8945 section 5.2). Never accepts what was not signed with one of the keys.
    ///
    /// - Parameter now: seconds since 1970.
    package func authenticate(_ request: [UInt8], now: UInt64) -> TSIGAuthentication {
        check(request, now: now) { Array($0) + $1.variables }
    }

    /// Checks the TSIG of the response to a request whose MAC was `requestCode`.
    package func authenticateResponse(_ response: [UInt8], to requestCode: [UInt8], now: UInt64) -> TSIGAuthentication {
        check(response, now: now) { TSIGSigner.prefixed(requestCode) + $0 + $1.variables }
    }

    private func check(
        _ bytes: [UInt8],
        now: UInt64,
        covering: (_ message: [UInt8], _ record: TSIGRecord) -> [UInt8]
    ) -> TSIGAuthentication {
        guard var message = try? Message(decoding: bytes) else { return .malformed }
        guard let last = message.additionals.last, last.type == .tsig else {
            let isHidden = (message.answers + message.authorities + message.additionals).contains { $0.type == .tsig }
            return isHidden ? .malformed : .unsigned
        }
        guard let record = TSIGRecord(last), let start = Self.startOfLastRecord(bytes) else { return .malformed }
        guard !message.additionals.dropLast().contains(where: { $0.type == .tsig }) else { return .malformed }
        guard let key = keys[record.key], key.algorithm.name == record.algorithm else {
            return .refused(refusal(.badKey, "badkey", record))
        }
        // RFC 8945 section 5.2.2.1.
        let length = key.algorithm.length
        guard record.code.count <= length, record.code.count >= max(10, length / 2) else { return .malformed }
        var stripped = Array(bytes[..<start])
        let additionals = (UInt16(stripped[10]) << 8 | UInt16(stripped[11])) &- 1
        stripped.replaceSubrange(10..<12, with: TSIGRecord.octets(UInt64(additionals), 2))
        let id = stripped[..<2]
        stripped.replaceSubrange(0..<2, with: TSIGRecord.octets(UInt64(record.originalID), 2))
        let code = key.code(for: covering(stripped, record))
        guard Self.agree(record.code, code[..<record.code.count]) else {
            return .refused(refusal(.badSignature, "badsig", record))
        }
        guard max(now, record.time) - min(now, record.time) <= UInt64(record.fudge) else {
            return .refused(refusal(.badTime, "badtime", record, key, other: TSIGRecord.octets(now, 6)))
        }
        guard record.code.count == length else {
            return .refused(refusal(.badTruncation, "badtrunc", record, key))
        }
        stripped.replaceSubrange(0..<2, with: id)
        message.additionals.removeLast()
        return .genuine(
            message: message,
            bytes: stripped,
            signer: TSIGSigner(key: key, previous: record.code)
        )
    }

    private func refusal(
        _ failure: TSIGRecord.Failure,
        _ reason: String,
        _ request: TSIGRecord,
        _ key: TSIGKey? = nil,
        other: [UInt8] = []
    ) -> TSIGRefusal {
        var record = TSIGRecord(
            key: request.key,
            algorithm: request.algorithm,
            time: request.time,
            fudge: request.fudge,
            id: request.originalID
        )
        record.error = failure.rawValue
        record.other = other
        return TSIGRefusal(reason: reason, record: record, key: key, requestCode: request.code)
    }

    /// Takes as long whatever differs.
    private static func agree(_ left: [UInt8], _ right: ArraySlice<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// Where the last record of a message begins, which can be decoded.
    private static func startOfLastRecord(_ bytes: [UInt8]) -> Int? {
        func uint16(_ offset: Int) -> Int { Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) }
        var offset = 12
        func skipName() {
            while bytes[offset] != 0, bytes[offset] < 0xC0 { offset += 1 + Int(bytes[offset]) }
            offset += bytes[offset] == 0 ? 1 : 2
        }
        for _ in 0..<uint16(4) {
            skipName()
            offset += 4
        }
        let records = uint16(6) + uint16(8) + uint16(10)
        guard records > 0 else { return nil }
        for _ in 1..<records {
            skipName()
            offset += 10 + uint16(offset + 8)
        }
        return offset
    }
}
