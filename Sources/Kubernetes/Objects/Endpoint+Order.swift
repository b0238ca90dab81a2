package import ServiceCatalog

/// The catalog's fixed order of endpoints, and what makes two of them one.
extension Endpoint {
    /// By address, then by target. Endpoints equal in both are the same one, seen twice.
    package static func areInOrder(_ left: Endpoint, _ right: Endpoint) -> Bool {
        switch (left.host, right.host) {
        case (.address(let leftAddress), .address(let rightAddress)):
            if leftAddress != rightAddress { return leftAddress < rightAddress }
        case (.name(let leftName), .name(let rightName)):
            if leftName != rightName { return leftName < rightName }
        case (.address, .name): return true
        case (.name, .address): return false
        }
        return (left.targetName ?? "") < (right.targetName ?? "")
    }

    /// Puts `endpoints` in order and makes one of those that are the same. What is so already is not copied.
    package static func merging(_ endpoints: [Endpoint]) -> [Endpoint] {
        if isStrictlyOrdered(endpoints) { return endpoints }
        var result: [Endpoint] = []
        result.reserveCapacity(endpoints.count)
        for position in sortedPositions(endpoints) {
            if let last = result.indices.last, !areInOrder(result[last], endpoints[position]) {
                result[last].combine(with: endpoints[position])
            } else {
                result.append(endpoints[position])
            }
        }
        return result
    }

    /// Merges parts that are each in order. A single part with endpoints is returned as it is, uncopied.
    package static func merging(parts: [[Endpoint]]) -> [Endpoint] {
        let filled = parts.filter { !$0.isEmpty }
        return switch filled.count {
        case 0: []
        case 1: filled[0]
        // The sort finds the parts as runs and merges them.
        default: merging(Array(filled.joined()))
        }
    }

    private static func isStrictlyOrdered(_ endpoints: [Endpoint]) -> Bool {
        for index in endpoints.indices.dropFirst() {
            // Addresses decide nearly always, and to compare them no endpoint need be copied.
            if case .address(let previous) = endpoints[index - 1].host,
                case .address(let address) = endpoints[index].host, previous != address
            {
                guard previous < address else { return false }
            } else {
                guard areInOrder(endpoints[index - 1], endpoints[index]) else { return false }
            }
        }
        return true
    }

    /// Sorts small keys in place of the endpoints, which are large and full of references.
    private static func sortedPositions(_ endpoints: [Endpoint]) -> [Int] {
        var keys = endpoints.indices.map { (address: endpoints[$0].host.address, position: $0) }
        keys.sort { left, right in
            if let leftAddress = left.address, let rightAddress = right.address, leftAddress != rightAddress {
                return leftAddress < rightAddress
            }
            return areInOrder(endpoints[left.position], endpoints[right.position])
        }
        return keys.map(\.position)
    }

    /// Takes in another sighting of the same endpoint. While a controller moves an endpoint from one slice to another,
    /// both hold it, and one may be out of date: an endpoint is not taken out of service because of that. Slices or
    /// subsets with different ports may also share an address, which then has all of them.
    private mutating func combine(with other: Endpoint) {
        if other.readiness.rawValue < readiness.rawValue { readiness = other.readiness }
        hostname = hostname ?? other.hostname
        place = EndpointPlace.joining(place, other.place)
        attributes = attributes ?? other.attributes
        if ports != other.ports {
            ports += other.ports.filter { !ports.contains($0) }
        }
    }
}

extension EndpointPlace {
    /// What either of two sightings says, the first before the second.
    fileprivate static func joining(_ first: EndpointPlace?, _ second: EndpointPlace?) -> EndpointPlace? {
        guard let first, let second, first.nodeName == nil || first.zone == nil else { return first ?? second }
        return EndpointPlace(nodeName: first.nodeName ?? second.nodeName, zone: first.zone ?? second.zone)
    }
}
