import DNSCore
import ServiceCatalog

/// A service as a zone shows it, or why it does not.
struct ProjectedService {
    var layout: ServiceLayout?
    var problems: [Problem] = []
    /// Why there is no layout, when nothing is wrong.
    var absence: String?
}

/// Draws endpoints into a ``ServiceLayout``.
struct LayoutBuilder {
    /// How an endpoint's host label is found.
    enum HostNaming {
        /// Its `hostname`, else its address.
        case hostnames
        /// Its address.
        case addresses
    }

    var layout: ServiceLayout
    private var ports: PortNames
    private var problems: [Problem] = []
    private let hostNaming: HostNaming
    private var badHostnames: (first: String, count: Int)?
    private var longNames = 0
    /// The ports of the endpoint before and the offers made of them: a slice's endpoints share one list.
    private var lastPorts: [EndpointPort] = []
    private var lastOffers = 0..<0

    init(layout: ServiceLayout, hostNaming: HostNaming, unnamedPortLabel: [UInt8]? = nil) {
        self.layout = layout
        self.hostNaming = hostNaming
        ports = PortNames(service: layout.name, unnamed: unnamedPortLabel)
    }

    /// Adds `endpoints[index]`. Taken from the list, not as a value, because copying an endpoint costs more than all
    /// the rest.
    mutating func add(
        _ endpoints: [Endpoint],
        at index: Int,
        site: Int = 0,
        priority: UInt16 = 0,
        weight: Int?,
        isLastResort: Bool = false
    ) {
        func backend(at address: IPAddress?) -> ServiceLayout.Backend {
            ServiceLayout.Backend(
                address: address,
                priority: priority,
                weight: weight.map { UInt16(clamping: $0) },
                isLastResort: isLastResort,
                offers: offers(of: endpoints[index].ports),
                source: index
            )
        }
        switch endpoints[index].host {
        case .address(let address):
            guard let label = label(of: endpoints[index].hostname, at: address, under: site) else { return }
            layout.add(backend(at: address), site: site, label: label)
        case .name(let text):
            guard let name = DomainName(hostName: text) else {
                problems.append(
                    Problem(
                        .addressUnusable,
                        "\"\(text)\" is neither an IP address nor a host name; DNS leaves the instance out"
                    )
                )
                return
            }
            layout.add(backend(at: nil), foreign: name)
        }
    }

    /// The finished layout, with what was noticed on the way.
    ///
    /// - Parameter pod: see ``ServiceLayout/seal(portOwners:pod:)``.
    consuming func finish(pod: (_ site: Int, _ source: Int) -> String?) -> (ServiceLayout, [Problem]) {
        layout.seal(portOwners: ports.owners, pod: pod)
        problems += ports.problems
        if let (first, count) = badHostnames {
            problems.append(
                Problem(
                    .nameInvalid,
                    "hostname \"\(first)\"\(count > 1 ? " and \(count - 1) more" : "") cannot be a DNS label "
                        + "(a-z, 0-9 and inner -, up to 63): the endpoint is named by its address"
                )
            )
        }
        if longNames > 0 {
            problems.append(
                Problem(.nameInvalid, "\(longNames) endpoints below \(layout.name) would have names over 255 octets")
            )
        }
        return (layout, problems)
    }

    mutating func offers(of list: [ServicePort]) -> [ServiceLayout.Offer] {
        list.map { port in
            ServiceLayout.Offer(
                port: port.number,
                owner: ports.owner(of: port.name, port.transport),
                scheme: ServiceScheme(appProtocol: port.appProtocol, port.transport)
            )
        }
    }

    private mutating func offers(of list: [EndpointPort]) -> Range<Int> {
        if lastPorts.isSameList(as: list) { return lastOffers }
        var offers: [ServiceLayout.Offer] = []
        for port in list {
            offers.append(
                ServiceLayout.Offer(
                    port: port.number,
                    owner: ports.owner(of: port.name, port.transport),
                    scheme: ServiceScheme(appProtocol: port.appProtocol, port.transport)
                )
            )
        }
        lastPorts = list
        lastOffers = layout.add(offers)
        return lastOffers
    }

    private mutating func label(of hostname: String?, at address: IPAddress, under site: Int) -> HostLabel? {
        var label = HostLabel.dashed(address)
        if hostNaming == .hostnames, let hostname, !hostname.isEmpty {
            if let given = HostLabel(hostname: hostname) {
                label = given
            } else {
                badHostnames = (badHostnames?.first ?? hostname, (badHostnames?.count ?? 0) + 1)
            }
        }
        // Only a name this long can make any label too long.
        guard layout.sites[site].wire.count > 255 - 64 else { return label }
        if label.name(under: layout.sites[site]) != nil { return label }
        longNames += 1
        return nil
    }
}

extension [EndpointPort] {
    fileprivate func isSameList(as other: [EndpointPort]) -> Bool {
        count == other.count
            && withUnsafeBufferPointer { mine in
                other.withUnsafeBufferPointer { mine.baseAddress == $0.baseAddress }
            }
    }
}
