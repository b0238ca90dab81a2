package import HTTPTransport
import KubernetesObjects
import Synchronization

/// The way to one API server, shared by all that speak to it. Only here do requests meet the server's address, the
/// credentials and a connection.
package final class ClusterConnection: Sendable {
    package typealias MakeClient = @Sendable (HTTPClientConfiguration) -> any HTTPSending

    /// What one attempt is made with.
    package struct Attempt: Sendable {
        let client: any HTTPSending
        let credential: Credential
        fileprivate let generation: Int
    }

    private struct State {
        var client: (any HTTPSending)?
        /// The certificate that the client was made with, where a plugin gave it.
        var certificate: HTTPClientConfiguration.ClientCertificate?
        var generation = 0
    }

    package let configuration: ClusterConfiguration
    private let credentials: CredentialProvider
    private let makeClient: MakeClient
    private let state = Mutex(State())

    package init(
        _ configuration: ClusterConfiguration,
        credentials: CredentialProvider,
        makeClient: @escaping MakeClient = { HTTPClient($0) }
    ) {
        self.configuration = configuration
        self.credentials = credentials
        self.makeClient = makeClient
    }

    /// The credential of now, and a client to send with it.
    package func attempt() async throws(APIFailure) -> Attempt {
        let credential: Credential
        do throws(CredentialError) {
            credential = try await credentials.current()
        } catch {
            throw .credential(error)
        }
        let present = state.withLock { state in
            state.certificate == credential.clientCertificate ? state.client.map { ($0, state.generation) } : nil
        }
        if let (client, generation) = present {
            return Attempt(client: client, credential: credential, generation: generation)
        }
        var settings = HTTPClientConfiguration(tls: configuration.tls, proxy: configuration.proxy)
        if let certificate = credential.clientCertificate { settings.tls.clientCertificate = certificate }
        let client = makeClient(settings)
        return state.withLock { state in
            // Should two tasks have come here at once, the last client stays, and the other serves its one attempt.
            state.client = client
            state.certificate = credential.clientCertificate
            state.generation += 1
            return Attempt(client: client, credential: credential, generation: state.generation)
        }
    }

    /// Makes later attempts use a new client, its certificate files read anew, unless that has happened since
    /// `attempt`. What is under way on the old one is left to end.
    package func renew(after attempt: Attempt?) {
        state.withLock { state in
            guard attempt == nil || attempt?.generation == state.generation else { return }
            state.client = nil
        }
    }

    /// Fetches a new credential after the server refused that of `attempt`.
    package func refreshCredential(after attempt: Attempt?) async throws(APIFailure) {
        do throws(CredentialError) {
            if let attempt { _ = try await credentials.refresh(after: attempt.credential) }
        } catch {
            throw .credential(error)
        }
    }

    func send(_ request: APIRequest, with attempt: Attempt) async throws(APIFailure) -> HTTPResponse {
        do throws(HTTPError) {
            return try await attempt.client.send(http(request, attempt))
        } catch {
            throw .transport(error)
        }
    }

    func stream(_ request: APIRequest, with attempt: Attempt) async throws(APIFailure) -> HTTPStream {
        do throws(HTTPError) {
            return try await attempt.client.stream(http(request, attempt))
        } catch {
            throw .transport(error)
        }
    }

    private func http(_ request: APIRequest, _ attempt: Attempt) -> HTTPRequest {
        request.http(
            server: configuration.server,
            credential: attempt.credential,
            impersonation: configuration.impersonation
        )
    }
}

extension KubernetesStatus {
    /// The error that an answer outside 2xx is.
    init(_ head: HTTPResponseHead, body: [UInt8]) {
        self.init(httpStatus: head.status, body: body)
        if retryAfterSeconds == nil, let seconds = head.headers["Retry-After"].flatMap({ Int($0) }), seconds > 0 {
            retryAfterSeconds = seconds
        }
    }
}
