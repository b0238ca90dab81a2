extension APIServer {
    /// What every cluster has from the start: its namespaces and the Service of the API server.
    func makeClusterObjects() throws(APIStatus) {
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            try create(Resources.namespaces, namespace: "", ["metadata": ["name": .string(name)]])
        }
        var prefix: [UInt8] = []
        if let ipv4 = ServiceAllocator.Ranges().ipv4 { prefix = ipv4 }
        let labels: JSON = ["component": "apiserver", "provider": "kubernetes"]
        try create(
            Resources.services,
            namespace: "default",
            [
                "metadata": ["name": "kubernetes", "labels": labels],
                "spec": [
                    "clusterIP": .string(IPRules.text(prefix + [0, 1])), "type": "ClusterIP",
                    "ipFamilyPolicy": "SingleStack",
                    "ports": [["name": "https", "port": 443, "targetPort": .int(Int64(port))]],
                ],
            ]
        )
        // The address the server is reached at from Pods; loopback is no valid endpoint.
        try create(
            Resources.endpointSlices,
            namespace: "default",
            [
                "metadata": ["name": "kubernetes", "labels": ["kubernetes.io/service-name": "kubernetes"]],
                "addressType": "IPv4",
                "endpoints": [["addresses": ["192.0.2.1"], "conditions": ["ready": true]]],
                "ports": [["name": "https", "protocol": "TCP", "port": .int(Int64(port))]],
            ]
        )
    }

    /// Creates or replaces objects from YAML documents, in order, as an administrator would; namespaces that are
    /// missing are made. Returns how many objects there were.
    @discardableResult
    package func load(yaml: String) throws -> Int {
        let documents = try JSON.documents(yaml: yaml)
        for document in documents { try put(document) }
        return documents.count
    }

    private func put(_ document: JSON) throws {
        let kind = document["kind"]?.string ?? ""
        let apiVersion = document["apiVersion"]?.string ?? ""
        guard let resource = Resources.find(apiVersion: apiVersion, kind: kind) else {
            throw APIStatus.badRequest("the server has no kind \"\(kind)\" in version \"\(apiVersion)\"")
        }
        var decoder = BodyDecoder(resource, validation: .strict)
        let object = try decoder.canonical(document)
        let namespace = resource.isNamespaced ? object[["metadata", "namespace"]]?.string ?? "default" : ""
        let hasNamespace = try store.read { state in
            namespace.isEmpty || state.object(Resources.namespaces, ObjectKey(namespace: "", name: namespace)) != nil
        }
        if !hasNamespace {
            try create(Resources.namespaces, namespace: "", ["metadata": ["name": .string(namespace)]])
        }
        let writer = administrator(resource, namespace: namespace)
        try store.write { state throws(APIStatus) in
            let isPresent = state.object(resource, writer.key(object.name)) != nil
            _ =
                isPresent
                ? try writer.replace(object, name: object.name, in: &state) : try writer.create(object, in: &state)
        }
    }

    @discardableResult
    func create(_ resource: Resource, namespace: String, _ object: JSON) throws(APIStatus) -> JSON {
        var decoder = BodyDecoder(resource, validation: .strict)
        let canonical = try decoder.canonical(object)
        let writer = administrator(resource, namespace: namespace)
        return try store.write { state throws(APIStatus) in try writer.create(canonical, in: &state).object }
    }

    private func administrator(_ resource: Resource, namespace: String) -> ObjectWriter {
        ObjectWriter(resource: resource, namespace: namespace, manager: "sandbox", now: now())
    }
}
