import DNSCore
import ServiceCatalog

/// SVCB records (RFC 9460) at `_<scheme>.<service>`, for ports whose protocol is known.
///
/// Not HTTPS records at the service's own name: those would have every client of `http:` URLs go to TLS (section 9.5),
/// which an appProtocol does not say.
extension ServiceLayout {
    /// The owner of the records of a scheme label, when there is something to list.
    func bindingOwner(_ label: String) -> DomainName? {
        guard hasBindings(label) else { return nil }
        return name.prefixed(by: label)
    }

    private func hasBindings(_ label: String) -> Bool {
        switch face {
        case .addresses(_, let offers): offers.contains { $0.scheme?.label == label }
        case .endpoints, .alias: offers.contains { $0.scheme?.label == label }
        }
    }

    /// A record, with its target's place and addresses.
    private struct Binding {
        let priority: UInt16
        let port: UInt16
        let scheme: ServiceScheme
        /// In ``hosts``; `nil` for the service itself.
        let host: Int?
        let hints: [IPAddress]
    }

    private func bindings(_ label: String) -> [Binding] {
        if case .addresses(let addresses, let offers) = face {
            return offers.compactMap { offer in
                guard let scheme = offer.scheme, scheme.label == label else { return nil }
                return Binding(priority: 1, port: offer.port, scheme: scheme, host: nil, hints: addresses)
            }
        }
        var bindings: [Binding] = []
        var seen: Set<Int> = []
        for backend in backends {
            for index in backend.offers {
                guard let scheme = offers[index].scheme, scheme.label == label else { continue }
                var hints: [IPAddress] = []
                forEachAddress(of: backend.hostIndex) { hints.append($0) }
                let binding = Binding(
                    // Zero would make an alias.
                    priority: backend.priority + 1,
                    port: offers[index].port,
                    scheme: scheme,
                    host: backend.hostIndex,
                    hints: hints
                )
                // Addresses of one host make one record.
                let key = backend.hostIndex << 24 | Int(scheme.rawValue) << 16 | Int(offers[index].port)
                if hints.count < 2 || seen.insert(key).inserted { bindings.append(binding) }
            }
        }
        return bindings
    }

    func bindingSets(_ label: String, hostNames: [DomainName]) -> [RecordSet] {
        var seen: Set<[UInt8]> = []
        let data = bindings(label).map { binding in
            var record = ServiceBinding(priority: binding.priority, target: binding.host.map { hostNames[$0] } ?? name)
            record.alpn = [binding.scheme.alpn]
            record.port = binding.port
            for hint in binding.hints {
                switch hint {
                case .v4(let address): record.ipv4Hints.append(address)
                case .v6(let high, let low): record.ipv6Hints.append(UInt128(high) << 64 | UInt128(low))
                }
            }
            return record.wire
        }.filter { seen.insert($0).inserted }.prefix(Self.maximumRecords)
        return data.isEmpty ? [] : [RecordSet(type: .svcb, ttl: ttl, data: data.map { .opaque($0) })]
    }

    func hasSameBindings(_ label: String, as old: ServiceLayout) -> Bool {
        bindings(label).elementsEqual(old.bindings(label)) { mine, theirs in
            mine.priority == theirs.priority && mine.port == theirs.port && mine.scheme == theirs.scheme
                && mine.hints == theirs.hints
                && mine.host.map { hosts[$0].key } == theirs.host.map { old.hosts[$0].key }
        }
    }
}
