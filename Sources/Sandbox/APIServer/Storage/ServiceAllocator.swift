/// Which cluster addresses and node ports Services have taken.
struct ServiceAllocator: Sendable {
    /// The cluster's ranges; the first family is the default one.
    struct Ranges: Sendable {
        /// The first two octets of an IPv4 /16.
        var ipv4: [UInt8]? = [10, 96]
        /// The first seven groups of an IPv6 /112.
        var ipv6: [UInt8]? = [0xFD, 0, 0, 0x10, 0, 0x96, 0, 0, 0, 0, 0, 0, 0, 0]

        var families: [String] { (ipv4 == nil ? [] : ["IPv4"]) + (ipv6 == nil ? [] : ["IPv6"]) }

        func prefix(_ family: String) -> [UInt8]? { family == "IPv4" ? ipv4 : ipv6 }
    }

    static let nodePorts = 30_000...32_767

    private(set) var ranges = Ranges()
    private var addresses: Set<String> = []
    private var takenNodePorts: Set<Int> = []

    init(ranges: Ranges = Ranges()) { self.ranges = ranges }

    // MARK: - A Service made or changed

    /// Gives families, addresses and ports to a Service. `old` is what it had; nothing is taken yet.
    func allocate(_ object: inout JSON, old: JSON?) -> [FieldError] {
        guard var spec = object["spec"] else { return [] }
        let type = spec["type"]?.string ?? ""
        var errors: [FieldError] = []
        if type != "ExternalName" {
            errors += setFamilies(&spec, old: old?["spec"])
            if errors.isEmpty, spec["clusterIP"] != "None" {
                errors += allocateAddresses(&spec, old: Self.addresses(old))
            }
        }
        if type == "NodePort" || type == "LoadBalancer" {
            errors += allocateNodePorts(&spec, old: Self.nodePorts(old))
        }
        object["spec"] = spec
        return errors
    }

    /// Takes what a stored Service holds, and frees what its older version held.
    mutating func update(from old: JSON?, to new: JSON?) {
        addresses.subtract(Self.addresses(old))
        addresses.formUnion(Self.addresses(new))
        takenNodePorts.subtract(Self.nodePorts(old))
        takenNodePorts.formUnion(Self.nodePorts(new))
    }

    private static func addresses(_ object: JSON?) -> Set<String> {
        Set((object?[["spec", "clusterIPs"]]?.array ?? []).compactMap(\.string)).subtracting(["None"])
    }

    private static func nodePorts(_ object: JSON?) -> Set<Int> {
        var ports = (object?[["spec", "ports"]]?.array ?? []).compactMap { $0["nodePort"]?.int }
        if let check = object?[["spec", "healthCheckNodePort"]]?.int { ports.append(check) }
        return Set(ports.map(Int.init))
    }

    // MARK: - Families

    private func setFamilies(_ spec: inout JSON, old: JSON?) -> [FieldError] {
        let clusterIPs = (spec["clusterIPs"]?.array ?? []).compactMap(\.string)
        let isHeadless = clusterIPs.first == "None"
        let policy = spec["ipFamilyPolicy"]?.string
        var families = (spec["ipFamilies"]?.array ?? []).compactMap(\.string)
        if families.isEmpty, !isHeadless {
            families = clusterIPs.compactMap { IPRules.isIPv6($0) ? "IPv6" : IPRules.isIPv4($0) ? "IPv4" : nil }
        }
        let isSelectorless = (spec["selector"]?.members ?? []).isEmpty
        if isHeadless, isSelectorless {
            if families.isEmpty, let first = ranges.families.first { families = [first] }
            if families.count < 2, policy != "SingleStack" { families.append(other(families[0])) }
            spec["ipFamilies"] = JSON(families)
            spec["ipFamilyPolicy"] = .string(policy ?? "RequireDualStack")
            return []
        }
        if policy == "RequireDualStack", ranges.families.count < 2 {
            return [
                .invalid(
                    "spec.ipFamilyPolicy",
                    "RequireDualStack",
                    "this cluster is not configured for dual-stack services"
                )
            ]
        }
        var errors: [FieldError] = []
        for (index, family) in families.enumerated() where !ranges.families.contains(family) {
            errors.append(
                .invalid("spec.ipFamilies[\(index)]", .string(family), "not configured on this cluster")
            )
        }
        if families.isEmpty, let first = ranges.families.first { families = [first] }
        let effective = policy ?? (families.count > 1 ? "RequireDualStack" : "SingleStack")
        if effective != "SingleStack", families.count == 1, ranges.families.count == 2 {
            families.append(other(families[0]))
        }
        if effective == "SingleStack" { families = Array(families.prefix(1)) }
        spec["ipFamilies"] = JSON(families)
        spec["ipFamilyPolicy"] = .string(effective)
        return errors
    }

    private func other(_ family: String) -> String { family == "IPv4" ? "IPv6" : "IPv4" }

    // MARK: - Addresses and ports

    private func allocateAddresses(_ spec: inout JSON, old: Set<String>) -> [FieldError] {
        let families = (spec["ipFamilies"]?.array ?? []).compactMap(\.string)
        var clusterIPs = (spec["clusterIPs"]?.array ?? []).compactMap(\.string)
        for (index, family) in families.enumerated() {
            if index < clusterIPs.count {
                if let problem = problem(clusterIPs[index], family, old) {
                    let list = JSON(clusterIPs)
                    return [
                        .invalid("spec.clusterIPs", list, "failed to allocate IP \(clusterIPs[index]): \(problem)")
                    ]
                }
            } else if let address = free(family) {
                clusterIPs.append(address)
            }
        }
        clusterIPs = Array(clusterIPs.prefix(families.count))
        spec["clusterIPs"] = JSON(clusterIPs)
        spec["clusterIP"] = clusterIPs.first.map(JSON.string)
        return []
    }

    private func problem(_ address: String, _ family: String, _ old: Set<String>) -> String? {
        if old.contains(address) { return nil }
        guard let bytes = IPRules.bytes(address), let prefix = ranges.prefix(family), bytes.starts(with: prefix) else {
            return "the provided IP is not in the valid range"
        }
        return addresses.contains(address) ? "provided IP is already allocated" : nil
    }

    private func free(_ family: String) -> String? {
        guard let prefix = ranges.prefix(family) else { return nil }
        for _ in 0..<100_000 {
            let host = UInt16.random(in: 256...65_000)
            let address = IPRules.text(prefix + [UInt8(host >> 8), UInt8(host & 0xFF)])
            if !addresses.contains(address) { return address }
        }
        return nil
    }

    private func allocateNodePorts(_ spec: inout JSON, old: Set<Int>) -> [FieldError] {
        var used = takenNodePorts
        var errors: [FieldError] = []
        func next() -> Int64? {
            guard let port = Self.nodePorts.filter({ !used.contains($0) }).randomElement() else { return nil }
            used.insert(port)
            return Int64(port)
        }
        let isWanted = spec["type"] == "NodePort" || spec["allocateLoadBalancerNodePorts"] == true
        var ports = spec["ports"]?.array ?? []
        for index in ports.indices {
            if let asked = ports[index]["nodePort"]?.int {
                let field = "spec.ports[\(index)].nodePort"
                if !Self.nodePorts.contains(Int(asked)) {
                    errors.append(
                        .invalid(
                            field,
                            .int(asked),
                            "provided port is not in the valid range. The range of valid ports is 30000-32767"
                        )
                    )
                } else if !used.insert(Int(asked)).inserted, !old.contains(Int(asked)) {
                    errors.append(.invalid(field, .int(asked), "provided port is already allocated"))
                }
            } else if isWanted {
                ports[index]["nodePort"] = next().map(JSON.int)
            }
        }
        spec["ports"] = ports.isEmpty ? nil : .array(ports)
        let needsCheck = spec["type"] == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local"
        if needsCheck, spec["healthCheckNodePort"] == nil { spec["healthCheckNodePort"] = next().map(JSON.int) }
        return errors
    }
}
