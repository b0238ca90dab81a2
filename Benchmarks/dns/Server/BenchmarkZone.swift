import DNSCore

/// A cluster of headless services, each with endpoints that have names and one port, as the Kubernetes DNS specification
/// wants them.
struct BenchmarkZone {
    static let apex = DomainName("cluster.local")!

    let services: Int
    let endpoints: Int

    /// What each service's names hold: addresses, SRV records, a name per endpoint.
    var changes: [OwnerChange] { (0..<services).flatMap { changes(ofService: $0) } }

    /// - Parameter rollout: raises the addresses, as new pods have others.
    func changes(ofService service: Int, rollout: Int = 0) -> [OwnerChange] {
        let owner = Self.owner(service)
        let addresses = (0..<endpoints).map { address(service, $0 + (rollout > 0 && $0 == 0 ? rollout : 0)) }
        let names = addresses.map { owner.prefixed(by: Self.label($0))! }
        let services = names.map { RecordData.srv(priority: 0, weight: 1, port: 8080, target: $0) }
        var changes = [
            OwnerChange(owner: owner, sets: [RecordSet(type: .a, ttl: 5, data: addresses.map { .a($0) })]),
            OwnerChange(
                owner: owner.prefixed(by: "_tcp")!.prefixed(by: "_http")!,
                sets: [RecordSet(type: .srv, ttl: 5, data: services)]
            ),
        ]
        for (name, address) in zip(names, addresses) {
            changes.append(OwnerChange(owner: name, sets: [RecordSet(type: .a, ttl: 5, data: [.a(address)])]))
        }
        return changes
    }

    /// One endpoint of a service is replaced: one name comes, the service's sets change, one name goes. The next time it is
    /// replaced back.
    func replacement(_ number: Int) -> [OwnerChange] {
        let service = number / 2 * 7 % services
        let original = changes(ofService: service)
        let replaced = changes(ofService: service, rollout: 1_000_000 + service)
        let (old, new) = number % 2 == 0 ? (original, replaced) : (replaced, original)
        return [new[2], new[0], new[1], OwnerChange(owner: old[2].owner, sets: [])]
    }

    func makeZone(_ apex: DomainName, in store: ZoneStore) -> Zone {
        let authority = StartOfAuthority(
            primary: apex.prefixed(by: "dns")!.prefixed(by: "ns")!,
            mailbox: apex.prefixed(by: "hostmaster")!,
            serial: 1
        )
        let zone = Zone(apex: apex, authority: authority, ttl: 5, epochs: store.epochs)
        zone.freshness = .current
        return zone
    }

    static func owner(_ service: Int) -> DomainName {
        DomainName("svc-\(service).default.svc.cluster.local")!
    }

    private func address(_ service: Int, _ endpoint: Int) -> UInt32 {
        0x0a00_0000 + UInt32(service * endpoints + endpoint)
    }

    private static func label(_ address: UInt32) -> String {
        "10-\(address >> 16 & 0xff)-\(address >> 8 & 0xff)-\(address & 0xff)"
    }

    // MARK: - For other servers and for the load

    /// The zone as a file that NSD and Knot read.
    var zoneFile: String {
        var text = "cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5\n"
        text += "cluster.local. 5 IN NS ns.dns.cluster.local.\nns.dns.cluster.local. 5 IN A 10.96.0.10\n"
        for change in changes {
            for set in change.sets {
                for data in set.data {
                    switch data {
                    case .a(let a):
                        text += "\(change.owner) 5 IN A \(a >> 24).\(a >> 16 & 0xff).\(a >> 8 & 0xff).\(a & 0xff)\n"
                    case .srv(let priority, let weight, let port, let target):
                        text += "\(change.owner) 5 IN SRV \(priority) \(weight) \(port) \(target)\n"
                    default:
                        preconditionFailure("the benchmark's zone has A and SRV records only")
                    }
                }
            }
        }
        return text
    }

    /// Queries as dnsperf reads them.
    var queries: String {
        questions.map { "\($0.name) \($0.type == .srv ? "SRV" : "A")\n" }.joined()
    }

    /// Five parts A, five parts SRV, one part names that do not exist.
    var questions: [(name: DomainName, type: RecordType)] {
        var questions: [(name: DomainName, type: RecordType)] = []
        for service in 0..<services {
            let owner = Self.owner(service)
            questions += [(owner, .a), (owner.prefixed(by: "_tcp")!.prefixed(by: "_http")!, .srv)]
            if service % 5 == 0 { questions.append((DomainName("nobody-\(service).default.svc.cluster.local")!, .a)) }
        }
        // Neighbours in the zone must not be neighbours in the load.
        var state: UInt32 = 1
        for index in questions.indices.dropFirst().reversed() {
            state = state &* 1_664_525 &+ 1_013_904_223
            questions.swapAt(index, Int(UInt64(state) * UInt64(index + 1) >> 32))
        }
        return questions
    }
}
