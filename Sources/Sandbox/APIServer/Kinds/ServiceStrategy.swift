/// Services: defaults, what an update may change, and the table. Addresses are given by `ServiceAllocator`.
struct ServiceStrategy: ResourceStrategy {
    let createsOnUpdate = true
    let deletionReturnsObject = true
    let hasStatus = true
    let selectableFields = ["spec.clusterIP": ["spec", "clusterIP"], "spec.type": ["spec", "type"]]

    func setDefaults(_ object: inout JSON) {
        var spec = object["spec"] ?? [:]
        let type = spec["type"]?.string ?? "ClusterIP"
        spec["type"] = .string(type)
        if spec["sessionAffinity"] == nil { spec["sessionAffinity"] = "None" }
        if spec["sessionAffinity"] == "ClientIP", spec[["sessionAffinityConfig", "clientIP", "timeoutSeconds"]] == nil {
            spec["sessionAffinityConfig"] = ["clientIP": ["timeoutSeconds": 10800]]
        }
        spec["ports"] = (spec["ports"]?.array).map { ports in .array(ports.map(Self.defaulted)) }
        let isExposed = type == "NodePort" || type == "LoadBalancer"
        let hasExternalAddresses = spec["externalIPs"]?.array?.isEmpty == false
        if isExposed || (type == "ClusterIP" && hasExternalAddresses), spec["externalTrafficPolicy"] == nil {
            spec["externalTrafficPolicy"] = "Cluster"
        }
        if isExposed || type == "ClusterIP", spec["internalTrafficPolicy"] == nil {
            spec["internalTrafficPolicy"] = "Cluster"
        }
        if type == "LoadBalancer", spec["allocateLoadBalancerNodePorts"] == nil {
            spec["allocateLoadBalancerNodePorts"] = true
        }
        object["spec"] = spec
    }

    private static func defaulted(_ port: JSON) -> JSON {
        var port = port
        if port["protocol"] == nil { port["protocol"] = "TCP" }
        if port["targetPort"] == .int(0) || port["targetPort"] == .string("") { port["targetPort"] = port["port"] }
        return port
    }

    func prepareForCreate(_ object: inout JSON) {
        object["status"] = ["loadBalancer": [:]]
        mirrorClusterIP(&object)
        dropIrrelevantFields(&object)
    }

    func prepareForUpdate(_ object: inout JSON, old: JSON) {
        object["status"] = old["status"]
        keepAllocated(&object, old: old)
        mirrorClusterIP(&object)
        dropIrrelevantFields(&object)
    }

    /// Leaving allocated values out of an update keeps them.
    private func keepAllocated(_ object: inout JSON, old: JSON) {
        guard var spec = object["spec"], let oldSpec = old["spec"] else { return }
        let type = spec["type"]
        guard type != "ExternalName", oldSpec["type"] != "ExternalName" else { return }
        if spec["clusterIP"] == nil, spec["clusterIPs"] == nil {
            spec["clusterIP"] = oldSpec["clusterIP"]
            spec["clusterIPs"] = oldSpec["clusterIPs"]
        } else if spec["clusterIP"] == oldSpec["clusterIP"], spec["clusterIPs"] == nil {
            spec["clusterIPs"] = oldSpec["clusterIPs"]
        }
        for field in ["ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"] where spec[field] == nil {
            spec[field] = oldSpec[field]
        }
        if type == "NodePort" || type == "LoadBalancer" {
            let oldPorts = oldSpec["ports"]?.array ?? []
            let ports = (spec["ports"]?.array ?? []).map { port -> JSON in
                guard port["nodePort"] == nil,
                    let same = oldPorts.first(where: {
                        $0["port"] == port["port"] && $0["protocol"] == port["protocol"]
                    })
                else { return port }
                var kept = port
                kept["nodePort"] = same["nodePort"]
                return kept
            }
            spec["ports"] = .array(ports)
        }
        object["spec"] = spec
    }

    /// `clusterIP` and the first of `clusterIPs` are the same; either may be given.
    private func mirrorClusterIP(_ object: inout JSON) {
        guard var spec = object["spec"] else { return }
        if let address = spec["clusterIP"], spec["clusterIPs"] == nil {
            spec["clusterIPs"] = [address]
        } else if spec["clusterIP"] == nil, let first = spec["clusterIPs"]?.array?.first {
            spec["clusterIP"] = first
        }
        object["spec"] = spec
    }

    private func dropIrrelevantFields(_ object: inout JSON) {
        guard var spec = object["spec"] else { return }
        let type = spec["type"]
        if type == "ExternalName" {
            for field in [
                "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "externalTrafficPolicy",
            ] {
                spec[field] = nil
            }
        }
        if type != "LoadBalancer" {
            for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"] {
                spec[field] = nil
            }
        }
        if type != "NodePort", type != "LoadBalancer" {
            if spec["externalIPs"] == nil { spec["externalTrafficPolicy"] = nil }
            spec["ports"] = (spec["ports"]?.array).map { ports in
                .array(
                    ports.map { port in
                        var port = port
                        port["nodePort"] = nil
                        return port
                    }
                )
            }
        }
        object["spec"] = spec
    }

    func validateName(_ name: String) -> String? { NameRules.label(name) }

    func validateUpdate(_ object: JSON, old: JSON) -> [FieldError] {
        let types = [object[["spec", "type"]], old[["spec", "type"]]]
        guard !types.contains("ExternalName"),
            let addresses = object[["spec", "clusterIPs"]], let oldAddresses = old[["spec", "clusterIPs"]],
            addresses.array?.first != oldAddresses.array?.first
        else { return [] }
        return [.invalid("spec.clusterIPs[0]", addresses, "may not change once set")]
    }

    func warnings(_ object: JSON) -> [String] {
        object[["spec", "externalIPs"]]?.array?.isEmpty == false
            ? ["spec.externalIPs is deprecated and may no longer be implemented in some clusters"] : []
    }

    // MARK: - Table

    let columns = [
        TableColumn.name,
        TableColumn(name: "Type", description: "How the Service is exposed."),
        TableColumn(name: "Cluster-IP", description: "The address inside the cluster."),
        TableColumn(name: "External-IP", description: "Addresses or names outside the cluster."),
        TableColumn(name: "Port(s)", description: "Ports, node ports and protocols."),
        .age,
        TableColumn(name: "Selector", description: "Labels of the Pods behind it.", priority: 1),
    ]

    func cells(_ object: JSON, now: Timestamp) -> [JSON] {
        let spec = object["spec"] ?? [:]
        let ports = (spec["ports"]?.array ?? []).map { port in
            let node = port["nodePort"]?.int.map { ":\($0)" } ?? ""
            return "\(port["port"]?.int ?? 0)\(node)/\(port["protocol"]?.string ?? "")"
        }
        let selector = (spec["selector"] ?? [:]).strings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return [
            .string(object.name),
            .string(spec["type"]?.string ?? ""),
            .string(spec["clusterIP"]?.string ?? "<none>"),
            .string(externalAddress(object)),
            .joined(ports),
            object.age(now: now),
            .joined(selector),
        ]
    }

    private func externalAddress(_ object: JSON) -> String {
        let spec = object["spec"] ?? [:]
        let external = (spec["externalIPs"]?.array ?? []).compactMap(\.string)
        switch spec["type"]?.string {
        case "ClusterIP", "NodePort": return external.isEmpty ? "<none>" : external.joined(separator: ",")
        case "ExternalName": return spec["externalName"]?.string ?? ""
        case "LoadBalancer":
            let ingress = (object[["status", "loadBalancer", "ingress"]]?.array ?? [])
                .compactMap { $0["ip"]?.string ?? $0["hostname"]?.string }
            let all = ingress + external
            return all.isEmpty ? "<pending>" : all.joined(separator: ",")
        default: return "<unknown>"
        }
    }
}
