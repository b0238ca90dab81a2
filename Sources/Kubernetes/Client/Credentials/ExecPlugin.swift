package import KubernetesObjects

/// A credential plugin of the client.authentication.k8s.io API: a program that prints a credential.
///
/// https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
package struct ExecPlugin: Hashable, Sendable {
    package enum APIVersion: String, Hashable, Sendable, CaseIterable {
        case v1 = "client.authentication.k8s.io/v1"
        case v1beta1 = "client.authentication.k8s.io/v1beta1"
    }

    package struct Variable: Hashable, Sendable {
        package let name: String
        package let value: Secret

        package init(name: String, value: Secret) {
            self.name = name
            self.value = value
        }
    }

    package var apiVersion: APIVersion
    /// With a slash: a path. Without: looked up in `PATH`.
    package var command: String
    package var arguments: [String]
    /// In addition to this process's own environment.
    package var environment: [Variable]
    /// What the kubeconfig says to do when the plugin is missing.
    package var installHint: String?
    /// `spec.cluster` of the request, where `provideClusterInfo` asks for it.
    package var clusterInfo: JSONValue?
    package var timeout: Duration
    /// The most bytes read from the plugin's output.
    package var outputLimit: Int

    package init(
        apiVersion: APIVersion,
        command: String,
        arguments: [String] = [],
        environment: [Variable] = [],
        installHint: String? = nil,
        clusterInfo: JSONValue? = nil,
        timeout: Duration = .seconds(60),
        outputLimit: Int = 1 << 20
    ) {
        self.apiVersion = apiVersion
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.installHint = installHint
        self.clusterInfo = clusterInfo
        self.timeout = timeout
        self.outputLimit = outputLimit
    }
}
