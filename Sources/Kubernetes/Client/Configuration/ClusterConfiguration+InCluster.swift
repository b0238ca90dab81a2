import HTTPTransport

extension ClusterConfiguration {
    /// Where Kubernetes mounts a Pod's service account.
    package static let serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// The API server of the cluster this process runs in, as its Pod's service account.
    ///
    /// The token and the certificate authority stay files: the kubelet rewrites both, and they are read again.
    package static func inCluster(
        environment: [String: String],
        directory: String = serviceAccountDirectory
    ) throws(ClusterConfigurationError) -> ClusterConfiguration {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
            let port = environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty
        else {
            throw ClusterConfigurationError(
                "this process does not run in a Kubernetes Pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT "
                    + "are not set); name a file under kubeconfig, or in the environment variable KUBECONFIG"
            )
        }
        guard let number = UInt16(port), number > 0 else {
            throw ClusterConfigurationError("KUBERNETES_SERVICE_PORT is \"\(port)\", which is not a port number")
        }
        let token = "\(directory)/token"
        let authority = "\(directory)/ca.crt"
        for file in [token, authority] {
            do throws(FileFailure) {
                _ = try readFile(file)
            } catch {
                throw ClusterConfigurationError(
                    "the service account cannot be used: \(error.reason); is automountServiceAccountToken off for "
                        + "this Pod?",
                    file: file
                )
            }
        }
        let namespace = (try? readFile("\(directory)/namespace")).map { String(decoding: $0, as: UTF8.self) }
        return ClusterConfiguration(
            server: "https://\(host.contains(":") ? "[\(host)]" : host):\(number)",
            tls: .init(certificateAuthority: .file(authority)),
            credentials: .tokenFile(path: token, fallback: nil),
            namespace: namespace.map(trimmed).flatMap { $0.isEmpty ? nil : $0 } ?? "default",
            source: "the Pod's service account"
        )
    }
}

/// `text` without white space at either end.
func trimmed(_ text: String) -> String {
    guard let first = text.firstIndex(where: { !$0.isWhitespace }),
        let last = text.lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(text[first...last])
}
