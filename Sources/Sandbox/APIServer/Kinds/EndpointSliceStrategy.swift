/// EndpointSlices of discovery.k8s.io/v1.
struct EndpointSliceStrategy: ResourceStrategy {
    static let maximumEndpoints = 1000
    static let maximumPorts = 20_000
    static let maximumAddresses = 100

    func setDefaults(_ object: inout JSON) {
        guard let ports = object["ports"]?.array else { return }
        object["ports"] = .array(
            ports.map { port in
                var port = port
                if port["name"] == nil { port["name"] = "" }
                if port["protocol"] == nil { port["protocol"] = "TCP" }
                return port
            }
        )
    }

    func prepareForCreate(_ object: inout JSON) { object["metadata"]?["generation"] = 1 }

    /// The generation counts changes of anything but metadata, labels excepted.
    func prepareForUpdate(_ object: inout JSON, old: JSON) {
        let isChanged =
            ["endpoints", "ports"].contains { (object[$0]?.array ?? []) != (old[$0]?.array ?? []) }
            || object["addressType"] != old["addressType"]
            || object[["metadata", "labels"]] != old[["metadata", "labels"]]
        let generation = old[["metadata", "generation"]]?.int ?? 0
        object["metadata"]?["generation"] = .int(generation + (isChanged ? 1 : 0))
    }

    func validate(_ object: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        let type = object["addressType"]?.string ?? ""
        if type.isEmpty {
            errors.append(.required("addressType"))
        } else if !["FQDN", "IPv4", "IPv6"].contains(type) {
            errors.append(.unsupported("addressType", type, ["FQDN", "IPv4", "IPv6"]))
        }
        let endpoints = object["endpoints"]?.array ?? []
        if endpoints.count > Self.maximumEndpoints {
            errors.append(.tooMany("endpoints", endpoints.count, maximum: Self.maximumEndpoints))
        } else {
            for (index, endpoint) in endpoints.enumerated() {
                errors += endpointErrors(endpoint, "endpoints[\(index)]", type)
            }
        }
        return errors + portErrors(object["ports"]?.array ?? [])
    }

    private func endpointErrors(_ endpoint: JSON, _ path: String, _ type: String) -> [FieldError] {
        var errors: [FieldError] = []
        let addresses = endpoint["addresses"]?.array ?? []
        if addresses.isEmpty {
            errors.append(.required("\(path).addresses", "must contain at least 1 address"))
        } else if addresses.count > Self.maximumAddresses {
            errors.append(.tooMany("\(path).addresses", addresses.count, maximum: Self.maximumAddresses))
        }
        for (index, address) in addresses.enumerated() {
            let text = address.string ?? ""
            let place = "\(path).addresses[\(index)]"
            switch type {
            case "FQDN":
                if let problem = NameRules.subdomain(text) { errors.append(.invalid(place, address, problem)) }
            case "IPv4", "IPv6":
                if let problem = IPRules.problem(text) {
                    errors.append(.invalid(place, address, problem))
                } else if type == "IPv4" ? !IPRules.isIPv4(text) : !IPRules.isIPv6(text) {
                    errors.append(.invalid("\(path).addresses", address, "must be an \(type) address"))
                } else if let problem = IPRules.specialRange(text) {
                    errors.append(.invalid(place, address, problem))
                }
            default: break
            }
        }
        if let hostname = endpoint["hostname"]?.string, let problem = NameRules.label(hostname) {
            errors.append(.invalid("\(path).hostname", .string(hostname), problem))
        }
        if let node = endpoint["nodeName"]?.string, let problem = NameRules.subdomain(node) {
            errors.append(.invalid("\(path).nodeName", .string(node), problem))
        }
        return errors
    }

    private func portErrors(_ ports: [JSON]) -> [FieldError] {
        guard ports.count <= Self.maximumPorts else {
            return [.tooMany("ports", ports.count, maximum: Self.maximumPorts)]
        }
        var errors: [FieldError] = []
        var names: Set<String> = []
        for (index, port) in ports.enumerated() {
            let path = "ports[\(index)]"
            let name = port["name"]?.string ?? ""
            if !name.isEmpty, let problem = NameRules.label(name) {
                errors.append(.invalid("\(path).name", .string(name), problem))
            }
            if !names.insert(name).inserted { errors.append(.duplicate("\(path).name", .string(name))) }
            errors += PortRules.protocol("\(path).protocol", port["protocol"])
            if port["port"] != nil { errors += PortRules.number("\(path).port", port["port"]) }
            if let application = port["appProtocol"]?.string, let problem = NameRules.qualifiedName(application) {
                errors.append(.invalid("\(path).appProtocol", .string(application), problem))
            }
        }
        return errors
    }

    func validateUpdate(_ object: JSON, old: JSON) -> [FieldError] {
        guard let type = object["addressType"], type != old["addressType"] else { return [] }
        return [.invalid("addressType", type, "field is immutable")]
    }

    func warnings(_ object: JSON) -> [String] {
        object["addressType"] == "FQDN" ? ["spec.addressType: FQDN endpoints are deprecated"] : []
    }

    let columns = [
        TableColumn.name,
        TableColumn(name: "AddressType", description: "IPv4, IPv6 or FQDN."),
        TableColumn(name: "Ports", description: "Ports of every endpoint."),
        TableColumn(name: "Endpoints", description: "Addresses."),
        .age,
    ]

    func cells(_ object: JSON, now: Timestamp) -> [JSON] {
        let ports = (object["ports"]?.array ?? []).map { port in
            port["port"]?.int.map { "\($0)" } ?? port["name"]?.string ?? ""
        }
        let addresses = (object["endpoints"]?.array ?? []).flatMap { endpoint in
            (endpoint["addresses"]?.array ?? []).compactMap(\.string)
        }
        return [
            .string(object.name), .string(object["addressType"]?.string ?? ""),
            shortened(ports, maximum: 3), shortened(addresses, maximum: 3), object.age(now: now),
        ]
    }

    private func shortened(_ parts: [String], maximum: Int) -> JSON {
        guard parts.count > maximum else { return .joined(parts, none: "<unset>") }
        let shown = parts.prefix(maximum).joined(separator: ",")
        return .string("\(shown) + \(parts.count - maximum) more...")
    }
}
