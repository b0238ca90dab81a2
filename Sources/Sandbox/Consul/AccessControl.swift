/// Consul's ACLs: tokens, the policies behind them, and what they let through.
package struct AccessControl: Sendable {
    package enum Resource: Sendable, Equatable { case agent, key, node, service, session }

    package enum Level: Int, Sendable, Comparable {
        case deny, read, write

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// One rule: `service_prefix "web" { policy = "write" }` is `Rule(.service, prefix: "web", .write)`.
    package struct Rule: Sendable, Equatable {
        package let resource: Resource
        package let name: String
        package let isPrefix: Bool
        package let level: Level

        package init(_ resource: Resource, exactly name: String, _ level: Level) {
            (self.resource, self.name, self.isPrefix, self.level) = (resource, name, false, level)
        }

        package init(_ resource: Resource, prefix name: String, _ level: Level) {
            (self.resource, self.name, self.isPrefix, self.level) = (resource, name, true, level)
        }
    }

    package struct Policy: Sendable, Equatable {
        package let name: String
        package let rules: [Rule]
        let id = randomUUID()

        package init(_ name: String, _ rules: [Rule]) {
            self.name = name
            self.rules = rules
        }

        /// Everything, as a management token has it.
        package static let management = Policy(
            "global-management",
            [.agent, .key, .node, .service, .session].map { Rule($0, prefix: "", .write) }
        )
    }

    package struct Token: Sendable, Equatable {
        package let secret: String
        package let accessor: String
        package var policies: [Policy]

        package init(secret: String, accessor: String = randomUUID(), policies: [Policy]) {
            self.secret = secret
            self.accessor = accessor
            self.policies = policies
        }
    }

    static let anonymousSecret = "anonymous"

    /// What holds where no rule speaks.
    package var isDenyingByDefault: Bool
    /// By secret.
    package private(set) var tokens: [String: Token] = [:]

    /// Requests without a token have the `anonymous` policies.
    package init(isDenyingByDefault: Bool = true, tokens: [Token] = [], anonymous: [Policy] = []) {
        self.isDenyingByDefault = isDenyingByDefault
        set(
            Token(
                secret: Self.anonymousSecret,
                accessor: "00000000-0000-0000-0000-000000000002",
                policies: anonymous
            )
        )
        for token in tokens { set(token) }
    }

    /// Adds a token, or replaces the one with the same secret.
    package mutating func set(_ token: Token) { tokens[token.secret] = token }

    /// From now on the secret is unknown: 403 "ACL not found".
    package mutating func remove(secret: String) { tokens[secret] = nil }

    func token(_ secret: String) -> Token? { tokens[secret.isEmpty ? Self.anonymousSecret : secret] }
}

/// What one request may do.
struct Authorizer: Sendable {
    private let rules: [AccessControl.Rule]
    private let fallback: AccessControl.Level

    /// Without ACLs everything is allowed.
    static let unrestricted = Authorizer(rules: [], fallback: .write)

    init(rules: [AccessControl.Rule], fallback: AccessControl.Level) {
        self.rules = rules
        self.fallback = fallback
    }

    init(_ token: AccessControl.Token, isDenyingByDefault: Bool) {
        self.init(rules: token.policies.flatMap(\.rules), fallback: isDenyingByDefault ? .deny : .write)
    }

    var isUnrestricted: Bool { rules.isEmpty && fallback == .write }

    /// The rule for the exact name decides, else the longest prefix; among equals a denial, else the highest level.
    private func level(_ resource: AccessControl.Resource, _ name: String) -> AccessControl.Level {
        let matching = rules.filter { rule in
            rule.resource == resource && (rule.isPrefix ? name.hasPrefix(rule.name) : name == rule.name)
        }
        let exact = matching.filter { !$0.isPrefix }
        let longest = matching.map(\.name.utf8.count).max() ?? 0
        let deciding = exact.isEmpty ? matching.filter { $0.name.utf8.count == longest } : exact
        if deciding.contains(where: { $0.level == .deny }) { return .deny }
        return deciding.map(\.level).max() ?? fallback
    }

    func canRead(_ resource: AccessControl.Resource, _ name: String) -> Bool {
        isUnrestricted || level(resource, name) >= .read
    }

    func canWrite(_ resource: AccessControl.Resource, _ name: String) -> Bool {
        isUnrestricted || level(resource, name) >= .write
    }

    /// A check shows with its node and, if it has one, its service.
    func canRead(_ check: CheckRecord) -> Bool {
        canRead(.node, check.node) && (check.serviceName.isEmpty || canRead(.service, check.serviceName))
    }

    func canRead(_ service: ServiceRecord) -> Bool {
        canRead(.node, service.node) && canRead(.service, service.name)
    }
}

/// 128 random bits in the form of a UUID, as Consul makes its ids.
package func randomUUID() -> String {
    let digits = (0..<16).map { _ in
        let byte = UInt8.random(in: .min ... .max)
        return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
}
