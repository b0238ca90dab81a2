/// Which Consul, and as whom.
package struct ConsulConfiguration: Sendable {
    /// `http://host:port` or `https://host:port`.
    package var address: String
    /// Another datacenter than the agent's own.
    package var datacenter: String?
    /// The ACL token, asked for with each request so that it can rotate.
    package var token: @Sendable () -> String?
    /// The synthetic node all entries of this installation hang on; `portolan-<cluster>` by default. Never an agent's.
    package var node: String?

    package init(
        address: String,
        datacenter: String? = nil,
        node: String? = nil,
        token: @escaping @Sendable () -> String? = { nil }
    ) {
        self.address = address
        self.datacenter = datacenter
        self.node = node
        self.token = token
    }
}
