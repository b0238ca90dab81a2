import HTTPTransport
import Testing

@testable import KubernetesClient

@Suite struct InClusterTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("token", "t0ken\n")
        try folder.write("ca.crt", "-----BEGIN CERTIFICATE-----\n")
        try folder.write("namespace", "portolan")
    }

    @Test(
        "the service account of a Pod",
        arguments: [
            ("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443"),
            ("kubernetes.default.svc", "https://kubernetes.default.svc:443"),
        ]
    )
    func serviceAccount(host: String, server: String) throws {
        let configuration = try ClusterConfiguration.inCluster(
            environment: ["KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"],
            directory: folder.path
        )
        #expect(configuration.server == server)
        #expect(configuration.namespace == "portolan")
        #expect(configuration.tls.certificateAuthority == .file("\(folder.path)/ca.crt"))
        #expect(configuration.credentials == .tokenFile(path: "\(folder.path)/token", fallback: nil))
    }

    @Test(
        "what is missing is named",
        arguments: [
            ([:], "", "does not run in a Kubernetes Pod"),
            (
                ["KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "https"], "",
                "KUBERNETES_SERVICE_PORT is \"https\""
            ),
            (
                ["KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "443"], "/absent",
                "/absent/token: the service account"
            ),
        ]
    )
    func missing(environment: [String: String], directory: String, message: String) {
        let error = #expect(throws: ClusterConfigurationError.self) {
            try ClusterConfiguration.inCluster(environment: environment, directory: directory)
        }
        #expect(error?.description.contains(message) == true)
    }
}
