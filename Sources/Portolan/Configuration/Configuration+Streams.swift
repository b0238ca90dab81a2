package import ServiceCatalog

/// How DNS is served over TCP, and over TLS as far as it is the same.
package struct DNSStreamConfiguration: Sendable, Equatable {
    /// Connections at once.
    package var connections = 14_000
    /// Connections of one client at once.
    package var perClient = 1024
    package var idle = Duration.seconds(30)
}

package struct DNSTLSConfiguration: Sendable, Equatable {
    package var listen: [ListenAddress]
    /// PEM files.
    package var certificate: String
    package var key: String
}

extension DNSConfiguration {
    /// Reads `dns.tcp`.
    static func readTCP(_ node: ConfigurationNode) -> DNSStreamConfiguration {
        var streams = DNSStreamConfiguration()
        guard let members = node.members(["connections", "perClient", "idle"]) else { return streams }
        if let connections = members["connections"]?.integer(1...1_000_000) { streams.connections = connections }
        if let perClient = members["perClient"]?.integer(1...1_000_000) { streams.perClient = perClient }
        if let node = members["idle"], let idle = node.duration() {
            if idle < .seconds(1) || idle > .seconds(3600) {
                node.report("\(node.path): connections may be idle for 1s to 1h")
            }
            streams.idle = idle
        }
        return streams
    }

    /// Reads `dns.tls`.
    ///
    /// - Parameter plain: where TCP is served, which TLS cannot share.
    static func readTLS(_ node: ConfigurationNode, besides plain: [ListenAddress]) -> DNSTLSConfiguration? {
        guard let members = node.members(["listen", "certificate", "key"]) else { return nil }
        let elements = members.required("listen")?.elements()
        let certificate = members.required("certificate")?.string()
        let key = members.required("key")?.string()
        guard let elements, let certificate, let key else { return nil }
        if elements.isEmpty {
            members["listen"]?.report("dns.tls.listen needs at least one address such as 0.0.0.0:853")
        }
        let listen = elements.compactMap { element -> ListenAddress? in
            guard let address = Configuration.readListen(element) else { return nil }
            if address.port != 0, plain.contains(address) {
                element.report("\(element.path): \(address) is in dns.listen too, for TCP; TLS needs a port of its own")
            }
            return address
        }
        return DNSTLSConfiguration(listen: listen, certificate: certificate, key: key)
    }
}
