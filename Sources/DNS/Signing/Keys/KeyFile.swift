internal import Crypto
package import DNSCore
internal import FoundationEssentials

/// The name of a pair of key files, as BIND, ldns and Knot's tools have it: `K<zone>.+<algorithm>+<tag>`.
package struct KeyFileName: Hashable, Sendable, CustomStringConvertible {
    package let zone: DomainName
    package let algorithm: UInt8
    package let tag: UInt16
    /// Without `.key` or `.private`.
    package let stem: String

    /// `nil` when `file` is not the name of a public key file.
    package init?(publicFile file: String) {
        guard file.hasPrefix("K"), file.hasSuffix(".key") else { return nil }
        let stem = file.dropLast(4)
        let parts = stem.dropFirst().split(separator: "+", omittingEmptySubsequences: false)
        guard parts.count >= 3, let algorithm = UInt8(parts[parts.count - 2]), let tag = UInt16(parts[parts.count - 1]),
            let zone = DomainName(parts.dropLast(2).joined(separator: "+")), parts[0].hasSuffix(".") || parts.count > 3
        else { return nil }
        self.zone = zone
        self.algorithm = algorithm
        self.tag = tag
        self.stem = String(stem)
    }

    package init(of key: DNSKey) {
        zone = key.zone
        algorithm = DNSKey.algorithm
        tag = key.tag
        let digits = String(key.tag)
        stem = "K\(key.zone)+013+" + String(repeating: "0", count: 5 - digits.count) + digits
    }

    package var publicFile: String { stem + ".key" }
    package var privateFile: String { stem + ".private" }
    package var description: String { stem }
}

/// Pairs of key files, as text (BIND's `Private-key-format`, version 1).
package enum KeyFile {
    /// Reads a key from its two files.
    ///
    /// Times are those of the private file, and where it has none those in the comments of the public one.
    package static func read(
        _ name: KeyFileName,
        publicText: String,
        privateText: String
    ) throws(KeyFileError) -> SigningKey {
        guard name.algorithm == DNSKey.algorithm else {
            throw KeyFileError(file: name.publicFile, reason: .unsupportedAlgorithm(Int(name.algorithm)))
        }
        let (key, ttl, comments) = try readPublic(publicText, name)
        var (pair, timing) = try readPrivate(privateText, name, isKeySigning: key.isKeySigning)
        guard pair.key == key else {
            throw KeyFileError(file: name.privateFile, reason: .keysDoNotBelongTogether(name.publicFile))
        }
        if timing == KeyTiming() { timing = try readTimes(comments, in: name.publicFile) }
        pair.timing = timing
        pair.ttl = ttl
        return pair
    }

    /// The two files of a key.
    package static func write(_ pair: SigningKey, created: Int64) -> (publicText: String, privateText: String) {
        let key = pair.key
        let role = key.isKeySigning ? "key" : "zone"
        var timing = pair.timing
        if timing == KeyTiming() { (timing.publish, timing.activate) = (created, created) }
        var comments = ["; This is a \(role)-signing key, keyid \(key.tag), for \(key.zone)"]
        var fields = [
            "Private-key-format: v1.3", "Algorithm: 13 (ECDSAP256SHA256)",
            "PrivateKey: \(Data(pair.secret).base64EncodedString())",
        ]
        var times = [("Created", created)]
        for field in KeyTiming.fields {
            if let time = timing[keyPath: field.time] { times.append((field.name, time)) }
        }
        for (name, time) in times {
            comments.append("; \(name): \(KeyTiming.text(time))")
            fields.append("\(name): \(KeyTiming.text(time))")
        }
        let record =
            "\(key.zone) IN DNSKEY \(key.flags) 3 \(DNSKey.algorithm) \(Data(key.publicKey).base64EncodedString())"
        return ((comments + [record, ""]).joined(separator: "\n"), (fields + [""]).joined(separator: "\n"))
    }

    // MARK: Public

    private static func readPublic(
        _ text: String,
        _ name: KeyFileName
    ) throws(KeyFileError) -> (key: DNSKey, ttl: UInt32?, comments: [Substring]) {
        func fail(_ reason: KeyFileError.Reason) -> KeyFileError { KeyFileError(file: name.publicFile, reason: reason) }
        var comments: [Substring] = []
        var records: [Substring] = []
        for line in lines(text) {
            let parts = line.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
            if let record = parts.first?.trimmed, !record.isEmpty { records.append(record) }
            if parts.count > 1 { comments.append(parts[1].trimmed) }
        }
        guard records.count == 1, let record = records.first else { throw fail(.noKeyRecord) }
        var words = record.split(whereSeparator: \.isWhitespace)[...]
        guard let owner = words.popFirst().flatMap({ DomainName(String($0)) }) else {
            throw fail(.unreadableRecord(String(record)))
        }
        // TTL and class, in either order.
        var ttl: UInt32?
        while let word = words.first, word.uppercased() != "DNSKEY" {
            if word.uppercased() != "IN" {
                guard ttl == nil, let number = UInt32(word) else { throw fail(.unreadableRecord(String(record))) }
                ttl = number
            }
            words.removeFirst()
        }
        guard words.count >= 5, let flags = UInt16(words[words.startIndex + 1]), words[words.startIndex + 2] == "3"
        else {
            throw fail(.unreadableRecord(String(record)))
        }
        let algorithm = words[words.startIndex + 3]
        guard algorithm == "13" || algorithm.uppercased() == "ECDSAP256SHA256" else {
            guard let number = Int(algorithm) else { throw fail(.unreadableRecord(String(record))) }
            throw fail(.unsupportedAlgorithm(number))
        }
        guard let publicKey = Data(base64Encoded: words.dropFirst(4).joined()), publicKey.count == 64 else {
            throw fail(.unreadableRecord(String(record)))
        }
        guard owner == name.zone else { throw fail(.wrongZone(found: owner, expected: name.zone)) }
        guard flags == 256 || flags == 257 else { throw fail(.unsupportedFlags(flags)) }
        let key = DNSKey(zone: owner, isKeySigning: flags == 257, publicKey: Array(publicKey))
        guard key.tag == name.tag else { throw fail(.tagMismatch(found: key.tag, expected: name.tag)) }
        return (key, ttl, comments)
    }

    // MARK: Private

    private static func readPrivate(
        _ text: String,
        _ name: KeyFileName,
        isKeySigning: Bool
    ) throws(KeyFileError) -> (pair: SigningKey, timing: KeyTiming) {
        func fail(_ reason: KeyFileError.Reason) -> KeyFileError {
            KeyFileError(file: name.privateFile, reason: reason)
        }
        let lines = lines(text).map(\.trimmed).filter { !$0.isEmpty }
        guard let first = lines.first, value(of: "Private-key-format", in: [first])?.hasPrefix("v1.") == true else {
            throw fail(.notPrivateKeyFormat)
        }
        guard let algorithm = value(of: "Algorithm", in: lines) else { throw fail(.missingField("Algorithm")) }
        guard let number = algorithm.split(separator: " ").first.flatMap({ Int($0) }) else {
            throw fail(.unreadableField("Algorithm"))
        }
        guard number == Int(DNSKey.algorithm) else { throw fail(.unsupportedAlgorithm(number)) }
        guard let encoded = value(of: "PrivateKey", in: lines) else { throw fail(.missingField("PrivateKey")) }
        guard let secret = Data(base64Encoded: String(encoded)), (1...32).contains(secret.count) else {
            throw fail(.unreadableField("PrivateKey"))
        }
        // Some tools leave out leading zeros.
        let padded = [UInt8](repeating: 0, count: 32 - secret.count) + secret
        guard let privateKey = try? P256.Signing.PrivateKey(rawRepresentation: padded) else {
            throw fail(.badPrivateKey)
        }
        let pair = SigningKey(zone: name.zone, isKeySigning: isKeySigning, privateKey: privateKey)
        return (pair, try readTimes(lines, in: name.privateFile))
    }

    private static func readTimes(_ lines: [Substring], in file: String) throws(KeyFileError) -> KeyTiming {
        var timing = KeyTiming()
        for field in KeyTiming.fields {
            guard let text = value(of: field.name, in: lines) else { continue }
            // In comments the time is written once more, for people.
            guard let word = text.split(separator: " ").first, let seconds = KeyTiming.seconds(word) else {
                throw KeyFileError(file: file, reason: .unreadableField(field.name))
            }
            timing[keyPath: field.time] = seconds
        }
        return timing
    }

    // MARK: Text

    private static func lines(_ text: String) -> [Substring] {
        text.split(whereSeparator: \.isNewline)
    }

    /// What follows `name:` on the first line that begins so.
    private static func value(of name: String, in lines: [Substring]) -> Substring? {
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, parts[0].trimmed == name { return parts[1].trimmed }
        }
        return nil
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        let start = firstIndex { !$0.isWhitespace } ?? endIndex
        let end = lastIndex { !$0.isWhitespace }.map { index(after: $0) } ?? start
        return self[start..<end]
    }
}
