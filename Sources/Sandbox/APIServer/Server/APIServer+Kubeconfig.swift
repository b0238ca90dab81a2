extension APIServer {
    /// A kubeconfig for this server: one cluster, one user, one context, all named `sandbox`.
    package func kubeconfig(token: String? = nil) -> String {
        var cluster = "    server: \(url)\n"
        if let tls = configuration.tls {
            cluster += "    certificate-authority-data: \(Base64.encode(Array(tls.certificateChain.utf8)))\n"
        }
        let user = token.map { "    token: \($0)\n" } ?? "    {}\n"
        return """
            apiVersion: v1
            kind: Config
            current-context: sandbox
            clusters:
            - name: sandbox
              cluster:
            \(cluster)users:
            - name: sandbox
              user:
            \(user)contexts:
            - name: sandbox
              context:
                cluster: sandbox
                user: sandbox

            """
    }
}
