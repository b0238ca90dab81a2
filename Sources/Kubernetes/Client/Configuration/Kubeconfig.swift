import KubernetesObjects

/// The contents of one or several kubeconfig files, merged as kubectl merges them: the first file to define a name, or
/// the current context, wins.
struct Kubeconfig {
    /// A value and where it stands.
    struct Located<Value> {
        let value: Value
        let place: Place
    }

    struct Place {
        let file: String
        let line: Int?
        let column: Int?

        func error(_ message: String) -> ClusterConfigurationError {
            ClusterConfigurationError(message, file: file, line: line, column: column)
        }
    }

    struct Cluster {
        let place: Place
        var server: Located<String>?
        var certificateAuthority: Located<String>?
        var certificateAuthorityData: Located<String>?
        var skipsVerification: Located<Bool>?
        var serverName: String?
        var proxy: Located<String>?
        /// The extension `client.authentication.k8s.io/exec`, handed to credential plugins.
        var pluginConfiguration: JSONValue?
    }

    struct User {
        let place: Place
        var clientCertificate: Located<String>?
        var clientCertificateData: Located<String>?
        var clientKey: Located<String>?
        var clientKeyData: Located<String>?
        var token: Located<String>?
        var tokenFile: Located<String>?
        var username: Located<String>?
        var password: String?
        var exec: Exec?
        var authProvider: Located<String>?
        var impersonate: String?
        var impersonateUID: String?
        var impersonateGroups: [String] = []
        var impersonateExtra: [String: [String]] = [:]
    }

    struct Exec {
        let place: Place
        var apiVersion: Located<String>?
        var command: Located<String>?
        var arguments: [String] = []
        var environment: [ExecPlugin.Variable] = []
        var installHint: String?
        var interactiveMode: Located<String>?
        var provideClusterInfo = false
    }

    struct Context {
        let place: Place
        var cluster: Located<String>?
        var user: Located<String>?
        var namespace: String?
    }

    var clusters: [String: Cluster] = [:]
    var users: [String: User] = [:]
    var contexts: [String: Context] = [:]
    var currentContext: Located<String>?

    /// Adds what `other`, a later file, defines and this does not.
    mutating func merge(_ other: Kubeconfig) {
        clusters.merge(other.clusters) { first, _ in first }
        users.merge(other.users) { first, _ in first }
        contexts.merge(other.contexts) { first, _ in first }
        currentContext = currentContext ?? other.currentContext
    }
}

extension Kubeconfig {
    /// The files kubectl would read: the list in `KUBECONFIG`, else `~/.kube/config`. Empty when neither is known.
    package static func files(environment: [String: String]) -> [String] {
        let list = (environment["KUBECONFIG"] ?? "").split(separator: ":").map(String.init)
        if !list.isEmpty { return list }
        return environment["HOME"].map { ["\($0)/.kube/config"] } ?? []
    }

    /// Reads and merges `files`. Of several, those that do not exist are passed over, as kubectl does.
    static func read(_ files: [String]) throws(ClusterConfigurationError) -> Kubeconfig {
        var merged = Kubeconfig()
        var found = false
        for file in files {
            let contents: [UInt8]
            do throws(FileFailure) {
                contents = try readFile(file)
            } catch {
                if error.isAbsent, files.count > 1 { continue }
                throw ClusterConfigurationError("the kubeconfig cannot be read: \(error.reason)", file: file)
            }
            found = true
            merged.merge(try Kubeconfig(yaml: String(decoding: contents, as: UTF8.self), file: file))
        }
        guard found else {
            throw ClusterConfigurationError(
                files.isEmpty
                    ? "no kubeconfig is named: set KUBECONFIG or HOME"
                    : "none of the kubeconfig files exists: \(files.joined(separator: ", "))"
            )
        }
        return merged
    }
}
