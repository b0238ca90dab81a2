/// Endpoints of v1, which EndpointSlices have replaced.
struct EndpointsStrategy: ResourceStrategy {
    let createsOnUpdate = true
    let deprecation: String? = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"

    func setDefaults(_ object: inout JSON) {
        guard let subsets = object["subsets"]?.array else { return }
        object["subsets"] = .array(
            subsets.map { subset in
                var subset = subset
                if let ports = subset["ports"]?.array {
                    subset["ports"] = .array(
                        ports.map { port in
                            var port = port
                            if port["protocol"] == nil { port["protocol"] = "TCP" }
                            return port
                        }
                    )
                }
                return subset
            }
        )
    }

    func validate(_ object: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, subset) in (object["subsets"]?.array ?? []).enumerated() {
            let path = "subsets[\(index)]"
            let ready = subset["addresses"]?.array ?? []
            let notReady = subset["notReadyAddresses"]?.array ?? []
            if ready.isEmpty, notReady.isEmpty {
                errors.append(.required(path, "must specify `addresses` or `notReadyAddresses`"))
            }
            for (list, addresses) in [("addresses", ready), ("notReadyAddresses", notReady)] {
                for (place, address) in addresses.enumerated() {
                    errors += addressErrors(address, "\(path).\(list)[\(place)]")
                }
            }
            let ports = subset["ports"]?.array ?? []
            for (place, port) in ports.enumerated() {
                errors += portErrors(port, "\(path).ports[\(place)]", needsName: ports.count > 1)
            }
        }
        return errors
    }

    private func addressErrors(_ address: JSON, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        let text = address["ip"]?.string ?? ""
        if let problem = IPRules.problem(text) ?? IPRules.specialRange(text) {
            errors.append(.invalid("\(path).ip", .string(text), problem))
        }
        if let hostname = address["hostname"]?.string, let problem = NameRules.label(hostname) {
            errors.append(.invalid("\(path).hostname", .string(hostname), problem))
        }
        return errors
    }

    private func portErrors(_ port: JSON, _ path: String, needsName: Bool) -> [FieldError] {
        var errors: [FieldError] = []
        let name = port["name"]?.string ?? ""
        if name.isEmpty {
            if needsName { errors.append(.required("\(path).name")) }
        } else if let problem = NameRules.label(name) {
            errors.append(.invalid("\(path).name", .string(name), problem))
        }
        errors += PortRules.number("\(path).port", port["port"])
        return errors + PortRules.protocol("\(path).protocol", port["protocol"])
    }

    let columns = [TableColumn.name, TableColumn(name: "Endpoints", description: "Addresses and ports."), .age]

    func cells(_ object: JSON, now: Timestamp) -> [JSON] {
        var parts: [String] = []
        for subset in object["subsets"]?.array ?? [] {
            let addresses = (subset["addresses"]?.array ?? []).compactMap { $0["ip"]?.string }
            let ports = subset["ports"]?.array ?? []
            if ports.isEmpty { parts += addresses }
            for port in ports {
                for address in addresses {
                    let host = address.contains(":") ? "[\(address)]" : address
                    parts.append("\(host):\(port["port"]?.int ?? 0)")
                }
            }
        }
        let shown = parts.prefix(3).joined(separator: ",")
        let list: JSON = parts.count > 3 ? .string("\(shown) + \(parts.count - 3) more...") : .joined(parts)
        return [.string(object.name), list, object.age(now: now)]
    }
}
