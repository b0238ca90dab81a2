import DNSCore
import ServiceCatalog

/// Which services have which address, so that the PTR records of an address can be told from all of them.
///
/// Holds numbers for services: names are spelt out anew when an address changes, and nothing is kept of them.
struct ReverseIndex {
    typealias ServiceNumber = Int32

    /// The narrowest first, so that the first that contains an address is the one whose names it is under.
    let zones: [ReverseZone]
    private var v4: [UInt32: ServiceNumber] = [:]
    private var v6: [UInt128: ServiceNumber] = [:]
    /// The second and later services of addresses that have several.
    private var others: [IPAddress: [ServiceNumber]] = [:]

    init(zones: [ReverseZone]) {
        self.zones = zones.sorted { $0.length > $1.length }
    }

    var isEmpty: Bool { zones.isEmpty }

    /// Which of ``zones`` the name of `address` is in, if in any.
    func zone(of address: IPAddress) -> Int? { zones.firstIndex { $0.contains(address) } }

    // MARK: Claims

    mutating func claim(_ address: IPAddress, by service: ServiceNumber) {
        guard let first = self[address] else {
            self[address] = service
            return
        }
        guard first != service, others[address]?.contains(service) != true else { return }
        others[address, default: []].append(service)
    }

    mutating func release(_ address: IPAddress, by service: ServiceNumber) {
        if self[address] == service {
            self[address] = others[address]?.popLast()
        } else {
            others[address]?.removeAll { $0 == service }
        }
        if others[address]?.isEmpty == true { others[address] = nil }
    }

    /// Calls `body` with each service that has `address`.
    func forEachService(with address: IPAddress, _ body: (ServiceNumber) -> Void) {
        guard let first = self[address] else { return }
        body(first)
        for other in others[address] ?? [] { body(other) }
    }

    /// Whether several services have `address`.
    func isShared(_ address: IPAddress) -> Bool { !others.isEmpty && others[address] != nil }

    private subscript(address: IPAddress) -> ServiceNumber? {
        get {
            switch address {
            case .v4(let address): v4[address]
            case .v6(let high, let low): v6[UInt128(high) << 64 | UInt128(low)]
            }
        }
        set {
            switch address {
            case .v4(let address): v4[address] = newValue
            case .v6(let high, let low): v6[UInt128(high) << 64 | UInt128(low)] = newValue
            }
        }
    }
}
