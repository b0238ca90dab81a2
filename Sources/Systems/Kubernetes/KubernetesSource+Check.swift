import HTTPTransport
import KubernetesClient
import KubernetesObjects

/// One thing that was tried against a cluster, and how it went.
package struct CheckFinding: Sendable, Hashable {
    package enum Verdict: Sendable, Hashable {
        case fine
        /// Works, but should not stay so.
        case warning
        /// A permission, or the right to use the API server at all, is missing.
        case forbidden
        /// The API server cannot be reached, or does not answer.
        case unavailable
        /// The configuration is wrong.
        case misconfigured
    }

    package let verdict: Verdict
    /// What was found, for a person.
    package let message: String
    /// What to do about it.
    package let remedy: String?

    package init(_ verdict: Verdict, _ message: String, remedy: String? = nil) {
        self.verdict = verdict
        self.message = message
        self.remedy = remedy
    }
}

extension KubernetesSource {
    /// Tries what reading the cluster needs: reachability, TLS, credentials, the resources, and every permission.
    /// Nothing is written.
    package func check() async -> [CheckFinding] {
        let configuration = connection.configuration
        var findings = configuration.warnings.map { CheckFinding(.warning, $0) }
        let api = KubernetesAPI(connection)
        do throws(APIFailure) {
            let version = try await api.version()
            findings.append(CheckFinding(.fine, "\(configuration.server) answers, Kubernetes \(version)"))
        } catch .refused(let status) where status.code == 403 || status.code == 404 {
            // Someone answers who is not asked to tell the version; the permissions below are what counts.
            findings.append(CheckFinding(.fine, "\(configuration.server) answers, and does not tell its version"))
        } catch {
            return findings + [finding(error)]
        }
        do throws(APIFailure) {
            let source = try await endpointSource(api)
            var missing: [Permission] = []
            for permission in permissions(source) where try await !api.isAllowed(permission) {
                missing.append(permission)
            }
            findings.append(verdict(on: missing, source))
            missing = []
            for permission in eventPermissions where try await !api.isAllowed(permission) { missing.append(permission) }
            if !missing.isEmpty {
                findings.append(
                    CheckFinding(
                        .warning,
                        "annotations that cannot be used are not told of in Events: the account may not \(nor(missing))",
                        remedy: "to have Events, grant it these rules:\n\(Permission.rules(granting: missing))"
                    )
                )
            }
        } catch {
            findings.append(finding(error))
        }
        return findings
    }

    /// What an account needs to read endpoints from `source`.
    func permissions(_ source: ServiceAssembler.EndpointSource) -> [Permission] {
        settings.watchedNamespaces.flatMap { namespace in
            [KubernetesResource.services, source.resource].flatMap { resource in
                ["list", "watch"].map { settings.scope(resource, in: namespace).permission($0) }
            }
        }
    }

    /// What an account needs to post Events about Services.
    private var eventPermissions: [Permission] {
        settings.watchedNamespaces.flatMap { namespace in
            [
                Permission(verb: "get", group: "", resource: KubernetesResource.services.plural, namespace: namespace),
                Permission(verb: "create", group: "", resource: KubernetesResource.events.plural, namespace: namespace),
                Permission(verb: "patch", group: "", resource: KubernetesResource.events.plural, namespace: namespace),
            ]
        }
    }

    private func nor(_ permissions: [Permission]) -> String {
        permissions.map(\.description).joined(separator: ", nor ")
    }

    private func endpointSource(_ api: KubernetesAPI) async throws(APIFailure) -> ServiceAssembler.EndpointSource {
        guard settings.endpoints == .auto else { return settings.firstEndpointSource }
        do throws(APIFailure) {
            _ = try await api.send(APIRequest(.get, "/apis/\(KubernetesResource.endpointSlices.apiVersion)"))
        } catch .refused(let status) where status.code == 404 {
            return .endpoints
        } catch .refused(let status) where status.code == 403 {
            return .slices
        }
        return .slices
    }

    private func verdict(on missing: [Permission], _ source: ServiceAssembler.EndpointSource) -> CheckFinding {
        let resources = "services and \(source.resource.plural)"
        guard !missing.isEmpty else {
            return CheckFinding(.fine, "the account may list and watch \(resources)")
        }
        return CheckFinding(
            .forbidden,
            "the account may not \(nor(missing))",
            remedy: "grant it these rules:\n\(Permission.rules(granting: missing))"
        )
    }

    private func finding(_ failure: APIFailure) -> CheckFinding {
        let source = connection.configuration.source
        switch failure {
        case .credential(let error):
            return CheckFinding(.forbidden, error.description, remedy: "mend the credentials of \(source)")
        case .refused(let status) where status.code == 401:
            return CheckFinding(
                .forbidden,
                failure.description,
                remedy: "the credentials of \(source) are wrong or have expired; get new ones"
            )
        case .refused(let status) where status.code == 403:
            return CheckFinding(.forbidden, failure.description, remedy: "use another account in \(source)")
        case .transport(let error) where error.reason == .request:
            return CheckFinding(.misconfigured, error.description, remedy: "correct \(source)")
        case .transport(let error) where error.reason == .tls:
            return CheckFinding(
                .unavailable,
                error.description,
                remedy:
                    "\(source) must name the certificate authority that signed the API server's certificate, and the "
                    + "name it was made for (tls-server-name) where that is not the server's host"
            )
        case .transport, .refused, .silent, .unreadable:
            return CheckFinding(
                .unavailable,
                failure.description,
                remedy: "is \(connection.configuration.server) right?"
            )
        }
    }
}
