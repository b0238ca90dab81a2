import ServiceCatalog

@testable import ManifestsSystem

/// Manifests to test with.
enum Manifests {
    static let cart = """
        apiVersion: v1
        kind: Service
        metadata:
          name: cart
          namespace: shop
        spec:
          clusterIP: None
          ports:
          - name: http
            port: 80
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata:
          name: cart-1
          namespace: shop
          labels:
            kubernetes.io/service-name: cart
        addressType: IPv4
        endpoints:
        - addresses: [10.0.0.1]
        ports:
        - name: http
          port: 8080
        """

    static func service(_ name: String, spec: String = "{}") -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: { name: \(name) }
        spec: \(spec)
        """
    }

    static func slice(_ name: String, of service: String, _ addresses: String...) -> String {
        """
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: { name: \(name), labels: { kubernetes.io/service-name: \(service) } }
        addressType: IPv4
        endpoints: [\(addresses.map { "{addresses: [\"\($0)\"]}" }.joined(separator: ", "))]
        """
    }

    static func reading(_ files: [String: String]) -> DirectoryReading {
        .files(files.mapValues { .bytes(Array($0.utf8)) })
    }

    static let origin = Origin(cluster: "east", system: "files")
}
