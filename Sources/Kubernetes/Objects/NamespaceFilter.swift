package import ServiceCatalog

/// Which services of a cluster are read, by namespace.
///
/// Patterns are namespaces (`team-*`) or services (`shop/cart`, `*/debug-*`); `*` stands for any run of characters.
/// What is excluded stays so, whatever else includes it. The API server's own service `default/kubernetes` is left out
/// unless it is included by its full name.
package struct NamespaceFilter: Sendable, Hashable {
    package static let `default` = NamespaceFilter()

    private let include: [Pattern]
    private let exclude: [Pattern]

    package init(include: [String] = ["*"], exclude: [String] = ["kube-system"]) {
        self.include = include.map { Pattern($0) }
        self.exclude = exclude.map { Pattern($0) }
    }

    package func includes(_ key: ServiceKey) -> Bool { exclusion(of: key) == nil }

    /// Why a service is not read, for a person; `nil` when it is.
    package func exclusion(of key: ServiceKey) -> String? {
        if let pattern = exclude.first(where: { $0.matches(key) }) { return "excluded by \"\(pattern.text)\"" }
        guard include.contains(where: { $0.matches(key) }) else { return "not among the included namespaces" }
        if key == Self.apiServer, !include.contains(where: { $0.text == Self.apiServer.description }) {
            return "the API server's own service; include it as \"\(Self.apiServer)\" to have it"
        }
        return nil
    }

    /// The one namespace that can hold what is included, where there is only one: rights in that namespace are enough.
    package var soleNamespace: String? {
        let namespaces = Set(include.map(\.namespace))
        guard namespaces.count == 1, let namespace = namespaces.first, !namespace.contains("*") else { return nil }
        return namespace
    }

    private static let apiServer = ServiceKey(namespace: "default", name: "kubernetes")
}

private struct Pattern: Sendable, Hashable {
    let text: String
    let namespace: String
    private let name: String

    init(_ text: String) {
        self.text = text
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        namespace = String(parts[0])
        name = parts.count > 1 ? String(parts[1]) : "*"
    }

    func matches(_ key: ServiceKey) -> Bool {
        Self.matches(Array(namespace.utf8), Array(key.namespace.utf8))
            && Self.matches(Array(name.utf8), Array(key.name.utf8))
    }

    /// Tries the last `*` again with one character more whenever what follows it does not fit.
    private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        var (at, position) = (0, 0)
        var retry: (at: Int, position: Int)?
        while position < text.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                retry = (at, position)
                at += 1
            } else if at < pattern.count, pattern[at] == text[position] {
                at += 1
                position += 1
            } else if let last = retry {
                retry = (last.at, last.position + 1)
                at = last.at + 1
                position = last.position + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
