package import DNSCore
package import DNSTransfer
internal import ServiceCatalog
internal import Yams

/// A TSIG key; the secret is read when it is needed.
package struct TSIGKeyConfiguration: Sendable, Equatable {
    package var name: DomainName
    package var algorithm: TSIGAlgorithm
    package var secret: Secret
}

/// Who may copy a zone, and who is told of its changes.
package struct TransferConfiguration: Sendable, Equatable {
    package var access = TransferAccess([])
    package var notify: [NotifyMachine.Target] = []
}

extension DNSConfiguration {
    /// Reads `dns.keys`.
    static func readKeys(_ node: ConfigurationNode) -> [TSIGKeyConfiguration] {
        var keys: [TSIGKeyConfiguration] = []
        for entry in node.entries() ?? [] {
            guard let name = DomainName(entry.name), name != .root else {
                entry.key.report(
                    "\"\(entry.name)\" is not the name of a key: labels of up to 63 octets, joined by dots"
                )
                continue
            }
            guard let members = entry.value.members(["algorithm", "secret"]) else { continue }
            let algorithm = members.required("algorithm")?.choice(TSIGAlgorithm.self)
            let secret = members.required("secret")?.secret()
            guard let algorithm, let secret else { continue }
            guard !keys.contains(where: { $0.name == name }) else {
                entry.key.report("the key \"\(entry.name)\" is written twice")
                continue
            }
            keys.append(TSIGKeyConfiguration(name: name, algorithm: algorithm, secret: secret))
        }
        return keys
    }

    /// Reads `dns.zones[].transfer`.
    static func readTransfer(_ node: ConfigurationNode, _ keys: [TSIGKeyConfiguration]) -> TransferConfiguration? {
        guard let members = node.members(["allow", "notify"]) else { return nil }
        return TransferConfiguration(
            access: TransferAccess(members["allow"]?.elements()?.compactMap { readRule($0, keys) } ?? []),
            notify: members["notify"]?.elements()?.compactMap { readTarget($0, keys) } ?? []
        )
    }

    private static func readRule(_ node: ConfigurationNode, _ keys: [TSIGKeyConfiguration]) -> TransferAccess.Rule? {
        guard node.node.mapping != nil else { return readRange(node).map { TransferAccess.Rule(range: $0) } }
        guard let members = node.members(["from", "key"]) else { return nil }
        guard members["from"] != nil || members["key"] != nil else {
            node.report("\(node.path) needs from, key, or both")
            return nil
        }
        var rule = TransferAccess.Rule()
        if let from = members["from"] {
            guard let range = readRange(from) else { return nil }
            rule.range = range
        }
        if let key = members["key"] {
            guard let name = readKeyName(key, keys) else { return nil }
            rule.key = name
        }
        return rule
    }

    private static func readTarget(
        _ node: ConfigurationNode,
        _ keys: [TSIGKeyConfiguration]
    ) -> NotifyMachine.Target? {
        guard node.node.mapping != nil else { return readPeer(node).map { NotifyMachine.Target(address: $0) } }
        guard let members = node.members(["to", "key"]), let address = members.required("to").flatMap({ readPeer($0) })
        else { return nil }
        guard let key = members["key"] else { return NotifyMachine.Target(address: address) }
        return readKeyName(key, keys).map { NotifyMachine.Target(address: address, key: $0) }
    }

    private static func readPeer(_ node: ConfigurationNode) -> ListenAddress? {
        guard let text = node.string() else { return nil }
        guard let address = ListenAddress(text), address.port > 0 else {
            node.report("\(node.path): \"\(text)\" is not an address and port such as 10.1.0.2:53 or [2001:db8::2]:53")
            return nil
        }
        return address
    }

    private static func readRange(_ node: ConfigurationNode) -> AddressRange? {
        guard let text = node.string() else { return nil }
        do {
            return try AddressRange(text)
        } catch {
            node.report("\(node.path): \(error)")
            return nil
        }
    }

    private static func readKeyName(_ node: ConfigurationNode, _ keys: [TSIGKeyConfiguration]) -> DomainName? {
        guard let text = node.string() else { return nil }
        guard let name = DomainName(text), keys.contains(where: { $0.name == name }) else {
            let names = keys.map { String($0.name.description.dropLast()) }
            node.report("there is no key \"\(text)\" in dns.keys; \(node.hint(for: text, among: names))")
            return nil
        }
        return name
    }
}
