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

    /// A record, with its target's place.
    private struct Binding {
        let priority: UInt16
        /// In ``offers``, or in those of the service's own addresses.
        let offer: Offer
        /// In ``hosts``; `nil` for the service itself.
        let host: Int?
    }

    private func bindings(_ label: String) -> [Binding] {
        if case .addresses(_, let offers) = face {
            return offers.filter { $0.scheme?.label == label }.map { Binding(priority: 1, offer: $0, host: nil) }
        }
        let isListed = offers.map { $0.scheme?.label == label }
        // Addresses of one host make one record.
        var seen: Set<Int>? = hosts.count == backends.count ? nil : []
        var bindings: [Binding] = []
        bindings.reserveCapacity(backends.count)
        for backend in backends {
            for index in backend.offers where isListed[index] {
                let (offer, host) = (offers[index], backend.host)
                let key = host << 24 | Int(offer.scheme?.rawValue ?? 0) << 16 | Int(offer.port)
                guard seen?.insert(key).inserted != false else { continue }
                // A priority of zero would make an alias.
                bindings.append(Binding(priority: backend.priority + 1, offer: offer, host: host))
            }
        }
        return bindings
    }

    /// The addresses of a binding's target.
    private func forEachHint(_ binding: Binding, _ body: (IPAddress) -> Void) {
        if let host = binding.host {
            forEachAddress(of: host, body)
        } else if case .addresses(let addresses, _) = face {
            addresses.forEach(body)
        }
    }

    func bindingSets(_ label: String, hostNames: [DomainName]) -> [RecordSet] {
        var data: [RecordData] = []
        var common: (offer: Offer, parameters: [UInt8])?
        for binding in bindings(label).prefix(Self.maximumRecords) {
            if common?.offer != binding.offer, let scheme = binding.offer.scheme {
                var record = ServiceBinding(priority: 1, target: name)
                record.alpn = [scheme.alpn]
                record.port = binding.offer.port
                common = (binding.offer, record.parameters)
            }
            var (ipv4, ipv6): ([UInt32], [UInt128]) = ([], [])
            forEachHint(binding) { hint in
                switch hint {
                case .v4(let address): ipv4.append(address)
                case .v6(let high, let low): ipv6.append(UInt128(high) << 64 | UInt128(low))
                }
            }
            let wire = ServiceBinding.wire(
                priority: binding.priority,
                target: binding.host.map { hostNames[$0] } ?? name,
                parameters: common?.parameters ?? [],
                ipv4: ipv4,
                ipv6: ipv6
            )
            data.append(.opaque(wire))
        }
        // Two ports of a service may differ in their names alone.
        if offers.count > 1 || hasOwnAddresses { data = Self.distinct(data) }
        return data.isEmpty ? [] : [RecordSet(type: .svcb, ttl: ttl, data: data)]
    }

    private var hasOwnAddresses: Bool { if case .addresses = face { true } else { false } }

    private static func distinct(_ data: [RecordData]) -> [RecordData] {
        var seen: Set<RecordData> = []
        return data.filter { seen.insert($0).inserted }
    }

    func hasSameBindings(_ label: String, as old: ServiceLayout, _ pairs: HostPairs) -> Bool {
        func hints(_ binding: Binding, of layout: ServiceLayout) -> [IPAddress] {
            var hints: [IPAddress] = []
            layout.forEachHint(binding) { hints.append($0) }
            return hints
        }
        return bindings(label).elementsEqual(old.bindings(label)) { mine, theirs in
            mine.priority == theirs.priority && mine.offer.port == theirs.offer.port
                && mine.offer.scheme == theirs.offer.scheme
                && pairs.areSame(theirs.host, mine.host)
                && hints(mine, of: self) == hints(theirs, of: old)
        }
    }
}
