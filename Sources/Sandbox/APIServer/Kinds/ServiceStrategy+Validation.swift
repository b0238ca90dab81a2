extension ServiceStrategy {
    func validate(_ object: JSON) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        let type = spec["type"]?.string ?? ""
        let isHeadless = spec["clusterIP"] == "None"
        let ports = spec["ports"]?.array ?? []
        var errors: [FieldError] = []
        if ports.isEmpty, !isHeadless, type != "ExternalName" { errors.append(.required("spec.ports")) }
        if type == "ExternalName" { errors += externalNameErrors(spec) }
        errors += portErrors(ports)
        for (key, value) in (spec["selector"] ?? [:]).strings.sorted(by: { $0.key < $1.key }) {
            if let problem = NameRules.qualifiedName(key) {
                errors.append(.invalid("spec.selector", .string(key), problem))
            }
            if let problem = NameRules.labelValue(value) {
                errors.append(.invalid("spec.selector", .string(value), problem))
            }
        }
        errors += supported(spec, "sessionAffinity", ["ClientIP", "None"])
        for (index, address) in (spec["externalIPs"]?.array ?? []).enumerated() {
            let field = "spec.externalIPs[\(index)]"
            if let problem = IPRules.problem(address.string ?? "") {
                errors.append(.invalid(field, address, problem))
            } else if let problem = IPRules.specialRange(address.string ?? "") {
                errors.append(.invalid(field, address, problem))
            }
        }
        errors += supported(spec, "type", ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"])
        errors += supported(spec, "externalTrafficPolicy", ["Cluster", "Local"])
        errors += supported(spec, "internalTrafficPolicy", ["Cluster", "Local"])
        errors += supported(spec, "trafficDistribution", ["PreferClose", "PreferSameNode", "PreferSameZone"])
        return errors
    }

    private func externalNameErrors(_ spec: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        if let address = spec["clusterIP"] {
            errors.append(.invalid("spec.clusterIPs", [address], "may not be set when type is 'ExternalName'"))
        }
        // A trailing dot is allowed and not part of the name.
        let name = spec["externalName"]?.string ?? ""
        if name.isEmpty {
            errors.append(.required("spec.externalName"))
        } else if let problem = NameRules.subdomain(name.hasSuffix(".") ? String(name.dropLast()) : name) {
            errors.append(.invalid("spec.externalName", .string(name), problem))
        }
        return errors
    }

    private func portErrors(_ ports: [JSON]) -> [FieldError] {
        var errors: [FieldError] = []
        var names: Set<String> = []
        var numbers: Set<String> = []
        for (index, port) in ports.enumerated() {
            let path = "spec.ports[\(index)]"
            let name = port["name"]?.string ?? ""
            if name.isEmpty {
                if ports.count > 1 { errors.append(.required("\(path).name")) }
            } else if let problem = NameRules.label(name) {
                errors.append(.invalid("\(path).name", .string(name), problem))
            } else if !names.insert(name).inserted {
                errors.append(.duplicate("\(path).name", .string(name)))
            }
            errors += PortRules.number("\(path).port", port["port"])
            errors += PortRules.protocol("\(path).protocol", port["protocol"])
            switch port["targetPort"] {
            case .string(let name):
                if let problem = NameRules.portName(name) {
                    errors.append(.invalid("\(path).targetPort", .string(name), problem))
                }
            case let number: errors += PortRules.number("\(path).targetPort", number)
            }
            if let application = port["appProtocol"]?.string, let problem = NameRules.qualifiedName(application) {
                errors.append(.invalid("\(path).appProtocol", .string(application), problem))
            }
        }
        for (index, port) in ports.enumerated() {
            let key: JSON = ["port": port["port"] ?? 0, "protocol": port["protocol"] ?? ""]
            if !numbers.insert(key.text).inserted { errors.append(.duplicate("spec.ports[\(index)]", key)) }
        }
        return errors
    }

    private func supported(_ spec: JSON, _ field: String, _ values: [String]) -> [FieldError] {
        guard let value = spec[field]?.string, !values.contains(value) else { return [] }
        return [.unsupported("spec.\(field)", value, values)]
    }
}

/// Rules for ports that Services, EndpointSlices and Endpoints share.
enum PortRules {
    static func number(_ field: String, _ value: JSON?) -> [FieldError] {
        let number = value?.int ?? 0
        guard !(1...65535).contains(number) else { return [] }
        return [.invalid(field, .int(number), "must be between 1 and 65535, inclusive")]
    }

    static func `protocol`(_ field: String, _ value: JSON?) -> [FieldError] {
        guard let text = value?.string, !text.isEmpty else { return [.required(field)] }
        let supported = ["SCTP", "TCP", "UDP"]
        return supported.contains(text) ? [] : [.unsupported(field, text, supported)]
    }
}
