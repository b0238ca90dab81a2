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
        let sorted = endpoints.sorted(by: areInOrder)
        return isStrictlyOrdered(sorted) ? sorted : combiningNeighbours(sorted)
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
        for index in endpoints.indices.dropFirst() where !areInOrder(endpoints[index - 1], endpoints[index]) {
            return false
        }
        return true
    }

    private static func combiningNeighbours(_ sorted: [Endpoint]) -> [Endpoint] {
        var result: [Endpoint] = []
        result.reserveCapacity(sorted.count)
        for endpoint in sorted {
            if let last = result.indices.last, !areInOrder(result[last], endpoint) {
                result[last].combine(with: endpoint)
            } else {
                result.append(endpoint)
            }
        }
        return result
    }

    /// Takes in another sighting of the same endpoint. While a controller moves an endpoint from one slice to another,
    /// both hold it, and one may be out of date: an endpoint is not taken out of service because of that. Slices or
    /// subsets with different ports may also share an address, which then has all of them.
    private mutating func combine(with other: Endpoint) {
        if other.readiness.rawValue < readiness.rawValue { readiness = other.readiness }
        hostname = hostname ?? other.hostname
        nodeName = nodeName ?? other.nodeName
        zone = zone ?? other.zone
        attributes = attributes ?? other.attributes
        if ports != other.ports {
            ports += other.ports.filter { !ports.contains($0) }
        }
    }
}
