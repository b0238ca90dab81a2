import HTTPTransport
import KubernetesObjects

extension ClusterConfiguration {
    /// The files that kubectl would read in `environment`: the list in `KUBECONFIG`, else `~/.kube/config`.
    package static func kubeconfigFiles(environment: [String: String]) -> [String] {
        Kubeconfig.files(environment: environment)
    }

    /// Reads kubeconfig files, merged as kubectl merges them.
    ///
    /// - Parameters:
    ///   - files: of several, those that do not exist are passed over.
    ///   - context: the context to use in place of the current one.
    package static func kubeconfig(
        files: [String],
        context: String? = nil
    ) throws(ClusterConfigurationError) -> ClusterConfiguration {
        try Kubeconfig.read(files).configuration(context: context, files: files)
    }
}

extension Kubeconfig {
    func configuration(context chosen: String?, files: [String]) throws(ClusterConfigurationError)
        -> ClusterConfiguration
    {
        let shown = files.joined(separator: ":")
        guard let name = chosen ?? currentContext?.value else {
            throw ClusterConfigurationError(
                "no current-context is set; name one of the contexts for this system: \(listed(contexts.keys))",
                file: shown
            )
        }
        guard let context = contexts[name] else {
            let message = "context \"\(name)\" is not defined; defined are: \(listed(contexts.keys))"
            throw chosen == nil
                ? currentContext!.place.error(message) : ClusterConfigurationError(message, file: shown)
        }
        guard let clusterName = context.cluster else { throw context.place.error("context \"\(name)\" has no cluster") }
        guard let cluster = clusters[clusterName.value] else {
            throw clusterName.place.error(
                "context \"\(name)\" names cluster \"\(clusterName.value)\", which is not defined; defined are: "
                    + listed(clusters.keys)
            )
        }
        var user: (name: String, value: User)?
        if let userName = context.user {
            guard let value = users[userName.value] else {
                throw userName.place.error(
                    "context \"\(name)\" names user \"\(userName.value)\", which is not defined; defined are: "
                        + listed(users.keys)
                )
            }
            user = (userName.value, value)
        }

        var configuration = try cluster.configuration(
            name: clusterName.value,
            isClientCertified: user?.value.isCertified
        )
        configuration.namespace = context.namespace ?? "default"
        configuration.source = "context \"\(name)\" of \(shown)"
        if let user { try user.value.apply(to: &configuration, name: user.name, cluster: cluster) }
        return configuration
    }

    private func listed(_ names: some Sequence<String>) -> String {
        let sorted = names.sorted()
        return sorted.isEmpty ? "none" : sorted.joined(separator: ", ")
    }
}

// MARK: - Clusters

extension Kubeconfig.Cluster {
    fileprivate func configuration(
        name: String,
        isClientCertified: Bool?
    ) throws(ClusterConfigurationError) -> ClusterConfiguration {
        guard let server else { throw place.error("cluster \"\(name)\" has no server") }
        let hasTrust = certificateAuthority != nil || certificateAuthorityData != nil
        let verifies = !(skipsVerification?.value ?? false)
        // kubectl's rule for a server without scheme: TLS when anything about TLS is configured.
        let defaultScheme = hasTrust || !verifies || isClientCertified == true ? "https" : "http"
        let url: String
        do throws(ServerURL.Mistake) {
            url = try ServerURL.normalized(server.value, defaultScheme: defaultScheme)
        } catch {
            throw server.place.error("server of cluster \"\(name)\" \(error.description)")
        }
        var configuration = ClusterConfiguration(server: url, proxy: proxy?.value, source: "")
        configuration.tls.serverName = serverName
        configuration.tls.verifies = verifies
        configuration.tls.certificateAuthority = try Kubeconfig.material(
            file: certificateAuthority,
            data: certificateAuthorityData,
            key: "certificate-authority"
        )
        if let skipsVerification, skipsVerification.value {
            guard !hasTrust else {
                throw skipsVerification.place.error(
                    "cluster \"\(name)\" sets both insecure-skip-tls-verify and a certificate authority; "
                        + "remove insecure-skip-tls-verify to verify the server"
                )
            }
            configuration.warnings.append(
                "the certificate of \(url) is not verified: cluster \"\(name)\" sets insecure-skip-tls-verify "
                    + "in \(skipsVerification.place.file)"
            )
        }
        if let proxy, !["http://", "https://", "socks5://", "socks5h://"].contains(where: proxy.value.hasPrefix) {
            throw proxy.place.error("proxy-url of cluster \"\(name)\" begins with http://, https:// or socks5://")
        }
        return configuration
    }

    /// `spec.cluster` of an ExecCredential request.
    fileprivate func pluginInformation(_ configuration: ClusterConfiguration) throws(ClusterConfigurationError)
        -> JSONValue
    {
        var information: JSONValue = ["server": .string(configuration.server)]
        if let serverName { information["tls-server-name"] = .string(serverName) }
        if !configuration.tls.verifies { information["insecure-skip-tls-verify"] = true }
        switch configuration.tls.certificateAuthority {
        case .pem(let bytes): information["certificate-authority-data"] = .string(Base64.encode(bytes))
        case .file(let path):
            do throws(FileFailure) {
                information["certificate-authority-data"] = .string(Base64.encode(try readFile(path)))
            } catch {
                throw place.error("certificate-authority \(path) cannot be read: \(error.reason)")
            }
        case nil: break
        }
        if let proxy { information["proxy-url"] = .string(proxy.value) }
        if let pluginConfiguration { information["config"] = pluginConfiguration }
        return information
    }
}

// MARK: - Users

extension Kubeconfig.User {
    fileprivate var isCertified: Bool { clientCertificate != nil || clientCertificateData != nil }

    fileprivate func apply(
        to configuration: inout ClusterConfiguration,
        name: String,
        cluster: Kubeconfig.Cluster
    ) throws(ClusterConfigurationError) {
        configuration.tls.clientCertificate = try certificate(name)
        let source = try credentials(name, configuration, cluster)
        if configuration.server.hasPrefix("http://"), source != .none {
            configuration.warnings.append(
                "the credentials of user \"\(name)\" are not sent: \(configuration.server) is not encrypted"
            )
        } else {
            configuration.credentials = source
        }
        if let impersonate {
            configuration.impersonation.append("Impersonate-User", impersonate)
            if let impersonateUID { configuration.impersonation.append("Impersonate-Uid", impersonateUID) }
            for group in impersonateGroups { configuration.impersonation.append("Impersonate-Group", group) }
            for (key, values) in impersonateExtra.sorted(by: { $0.key < $1.key }) {
                for value in values {
                    configuration.impersonation.append("Impersonate-Extra-\(percentEncoded(key))", value)
                }
            }
        } else if impersonateUID != nil || !impersonateGroups.isEmpty || !impersonateExtra.isEmpty {
            throw place.error("user \"\(name)\" sets as-uid, as-groups or as-user-extra without as")
        }
    }

    private func certificate(
        _ name: String
    ) throws(ClusterConfigurationError) -> HTTPClientConfiguration.ClientCertificate? {
        let certificate = try Kubeconfig.material(
            file: clientCertificate,
            data: clientCertificateData,
            key: "client-certificate"
        )
        let key = try Kubeconfig.material(file: clientKey, data: clientKeyData, key: "client-key")
        switch (certificate, key) {
        case (let certificate?, let key?): return .init(certificate: certificate, key: key)
        case (nil, nil): return nil
        case (_?, nil): throw place.error("user \"\(name)\" has a client-certificate and no client-key")
        case (nil, _?): throw place.error("user \"\(name)\" has a client-key and no client-certificate")
        }
    }

    private func credentials(
        _ name: String,
        _ configuration: ClusterConfiguration,
        _ cluster: Kubeconfig.Cluster
    ) throws(ClusterConfigurationError) -> CredentialSource {
        if let authProvider {
            throw authProvider.place.error(
                "user \"\(name)\" uses auth-provider \"\(authProvider.value)\", which Kubernetes removed in 1.26; "
                    + "use the provider's exec plugin"
            )
        }
        let hasToken = token != nil || tokenFile != nil
        if hasToken, username != nil {
            throw place.error("user \"\(name)\" has a token and a username; only one can be sent")
        }
        if let exec {
            guard !hasToken, username == nil else {
                throw exec.place.error("user \"\(name)\" has exec and a token or username; only one can be used")
            }
            return .exec(try exec.plugin(user: name, configuration, cluster))
        }
        if let tokenFile {
            let path = KubernetesClient.resolve(tokenFile.value, besideFile: tokenFile.place.file)
            let fallback = token.map { Secret($0.value) }
            if fallback == nil {
                do throws(FileFailure) { _ = try readFile(path) } catch {
                    throw tokenFile.place.error("tokenFile \(path) cannot be read: \(error.reason)")
                }
            }
            return .tokenFile(path: path, fallback: fallback)
        }
        if let token { return .token(Secret(token.value)) }
        if let username { return .basic(username: username.value, password: Secret(password ?? "")) }
        return .none
    }
}

extension Kubeconfig.Exec {
    fileprivate func plugin(
        user: String,
        _ configuration: ClusterConfiguration,
        _ cluster: Kubeconfig.Cluster
    ) throws(ClusterConfigurationError) -> ExecPlugin {
        let known = ExecPlugin.APIVersion.allCases.map(\.rawValue).joined(separator: " or ")
        guard let apiVersion else { throw place.error("exec of user \"\(user)\" has no apiVersion; set \(known)") }
        guard let version = ExecPlugin.APIVersion(rawValue: apiVersion.value) else {
            throw apiVersion.place.error(
                "exec of user \"\(user)\" wants apiVersion \"\(apiVersion.value)\"; use \(known)"
            )
        }
        guard let command else { throw place.error("exec of user \"\(user)\" has no command") }
        switch interactiveMode?.value {
        case "Never", "IfAvailable": break
        case nil where version == .v1beta1: break
        case nil: throw place.error("exec of user \"\(user)\" has no interactiveMode; set Never or IfAvailable")
        case "Always":
            throw interactiveMode!.place.error(
                "exec of user \"\(user)\" needs a terminal (interactiveMode: Always), and Portolan has none"
            )
        case let mode?:
            throw interactiveMode!.place.error("interactiveMode \"\(mode)\" is none of Never, IfAvailable, Always")
        }
        let path =
            command.value.contains("/")
            ? KubernetesClient.resolve(command.value, besideFile: command.place.file) : command.value
        return ExecPlugin(
            apiVersion: version,
            command: path,
            arguments: arguments,
            environment: environment,
            installHint: installHint,
            clusterInfo: provideClusterInfo ? try cluster.pluginInformation(configuration) : nil
        )
    }
}

// MARK: - Certificates and keys

extension Kubeconfig {
    /// Inline data wins over a file, as kubectl has it. Files are named from the folder of their kubeconfig.
    fileprivate static func material(
        file: Located<String>?,
        data: Located<String>?,
        key: String
    ) throws(ClusterConfigurationError) -> HTTPClientConfiguration.Material? {
        if let data {
            guard let bytes = Base64.decode(data.value) else { throw data.place.error("\(key)-data is not base64") }
            guard String(decoding: bytes, as: UTF8.self).contains("-----BEGIN ") else {
                throw data.place.error("\(key)-data holds no PEM text")
            }
            return .pem(bytes)
        }
        guard let file else { return nil }
        let path = resolve(file.value, besideFile: file.place.file)
        let contents: [UInt8]
        do throws(FileFailure) {
            contents = try readFile(path)
        } catch {
            throw file.place.error("\(key) \(path) cannot be read: \(error.reason)")
        }
        guard String(decoding: contents, as: UTF8.self).contains("-----BEGIN ") else {
            throw file.place.error("\(key) \(path) holds no PEM text")
        }
        return .file(path)
    }
}
