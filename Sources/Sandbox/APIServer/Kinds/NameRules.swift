/// Kubernetes' rules for names. Each answers what is wrong, or `nil`.
enum NameRules {
    /// RFC 1123 label, lower case, at most 63 bytes.
    static func label(_ text: String) -> String? {
        if text.utf8.count > 63 { return "must be no more than 63 bytes" }
        if isLabel(text.utf8) { return nil }
        return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
            + "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
            + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    }

    /// RFC 1123 subdomain, lower case, at most 253 bytes.
    static func subdomain(_ text: String) -> String? {
        if text.utf8.count > 253 { return "must be no more than 253 bytes" }
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.allSatisfy(isLabel) { return nil }
        return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
            + "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    }

    /// The key of a label or annotation: an optional DNS prefix and a name.
    static func qualifiedName(_ text: String) -> String? {
        let nameRule =
            "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            + "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else {
            return "a valid label key \(nameRule) with an optional DNS subdomain prefix and '/' "
                + "(e.g. 'example.com/MyName')"
        }
        if parts.count == 2, let problem = parts[0].isEmpty ? "must be non-empty" : subdomain(String(parts[0])) {
            return "prefix part \(problem)"
        }
        let name = parts[parts.count - 1]
        if name.isEmpty { return "name part must be non-empty" }
        if name.utf8.count > 63 { return "name part must be no more than 63 bytes" }
        return isName(name.utf8) ? nil : "name part \(nameRule)"
    }

    static func labelValue(_ text: String) -> String? {
        if text.utf8.count > 63 { return "must be no more than 63 bytes" }
        if text.isEmpty || isName(text.utf8) { return nil }
        return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            + "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
            + "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    }

    /// A port's name where IANA's rules hold (`targetPort`).
    static func portName(_ text: String) -> String? {
        if text.utf8.count > 15 { return "must be no more than 15 bytes" }
        let isValid =
            isLabel(text.utf8) && text.utf8.contains { isLetter($0) } && !text.contains("--")
        return isValid ? nil : "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    }

    private static func isLabel(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 63 else { return false }
        return isLowercaseOrDigit(first) && isLowercaseOrDigit(last)
            && bytes.allSatisfy { isLowercaseOrDigit($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isName(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }

    private static func isLowercaseOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || isDigit(byte)
    }
}
