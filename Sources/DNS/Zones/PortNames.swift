import DNSCore
import ServiceCatalog

/// The `_port._protocol` names of one service.
struct PortNames {
    private let service: DomainName
    /// The label that stands for ports without a name; `nil` leaves those without a name of their own.
    private let unnamed: [UInt8]?
    private var known: [(name: String, transport: TransportProtocol, owner: Int?)] = []
    private(set) var owners: [DomainName] = []
    private(set) var problems: [Problem] = []

    init(service: DomainName, unnamed: [UInt8]?) {
        self.service = service
        self.unnamed = unnamed
    }

    /// Which of ``owners`` lists ports of this name, if any does.
    mutating func owner(of name: String, _ transport: TransportProtocol) -> Int? {
        if let match = known.first(where: { $0.transport == transport && $0.name == name }) { return match.owner }
        let owner = makeOwner(name, transport)
        known.append((name, transport, owner))
        return owner
    }

    private mutating func makeOwner(_ name: String, _ transport: TransportProtocol) -> Int? {
        let underscore = [UInt8(ascii: "_")]
        guard let label = name.isEmpty ? unnamed : RegistryLabel.label(of: name),
            let owner = service.prefixed(by: underscore + transport.label.utf8)?.prefixed(by: underscore + label)
        else {
            if !name.isEmpty {
                problems.append(
                    Problem(
                        .nameInvalid,
                        "port name \"\(name)\" is too long for an SRV name below \(service); give it at most 62 octets"
                    )
                )
            }
            return nil
        }
        if let index = owners.firstIndex(of: owner) { return index }
        owners.append(owner)
        return owners.count - 1
    }
}
