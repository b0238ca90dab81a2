import HTTPTransport
import KubernetesObjects
import KubernetesScripts
import Testing

@testable import KubernetesClient

@Suite(.timeLimit(.minutes(5))) struct KubernetesAPITests {
    private func api(
        _ server: ScriptedServer,
        _ credentials: CredentialSource = .none
    ) -> KubernetesAPI {
        KubernetesAPI(
            ClusterConnection(
                ClusterConfiguration(server: "https://h", credentials: credentials, source: "test"),
                credentials: CredentialProvider(credentials, environment: [:])
            ) { _ in server }
        )
    }

    private func recorded(_ name: String) throws -> ScriptedServer.Reply {
        .response(try RecordedExchange(name).response)
    }

    private let lease = ObjectReference(.leases, namespace: "portolan", name: "main")

    @Test(
        "an access review is answered 201, with a verdict",
        arguments: [
            ("access/self-allowed", true), ("access/self-denied", false),
        ]
    )
    func accessReview(name: String, isAllowed: Bool) async throws {
        let server = ScriptedServer([try recorded(name)])
        let permission = CollectionScope(.endpointSlices).permission("watch")
        #expect(try await api(server).isAllowed(permission) == isAllowed)
        #expect(server.targets == ["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"])
        let request = server.requests[0]
        #expect(
            String(decoding: request.body ?? [], as: UTF8.self)
                == #"{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":"#
                + #"{"resourceAttributes":{"group":"discovery.k8s.io","resource":"endpointslices","verb":"watch"}}}"#
        )
    }

    @Test(
        "the version, also of a build that left its template in place",
        arguments: [
            (#"{"gitVersion":"v1.31.2","major":"1","minor":"31"}"#, "v1.31.2"), ("", "v1.36"),
        ]
    )
    func version(body: String, version: String) async throws {
        let reply =
            body.isEmpty
            ? try recorded("discovery/version")
            : .response(HTTPResponse(status: 200, headers: Body.json, body: Array(body.utf8)))
        #expect(try await api(ScriptedServer([reply])).version() == version)
    }

    @Test("objects are read and written as JSON at their paths")
    func requests() async throws {
        let ok = ScriptedServer.Reply.response(HTTPResponse(status: 200, headers: Body.json, body: Array("{}".utf8)))
        let server = ScriptedServer(Array(repeating: ok, count: 6))
        let api = api(server)
        _ = try await api.get(lease)
        _ = try await api.create(["a": 1], as: lease)
        _ = try await api.update(["a": 1], as: lease)
        _ = try await api.patch(lease, .merge(["a": 1]))
        _ = try await api.patch(lease, .apply(["a": 1], manager: "portolan", force: true))
        try await api.delete(lease)
        let collection = "/apis/coordination.k8s.io/v1/namespaces/portolan/leases"
        #expect(
            server.targets == [
                "GET \(collection)/main", "POST \(collection)", "PUT \(collection)/main", "PATCH \(collection)/main",
                "PATCH \(collection)/main?fieldManager=portolan&force=true", "DELETE \(collection)/main",
            ]
        )
        #expect(
            server.requests.map { $0.headers["Content-Type"] } == [
                nil, "application/json", "application/json", "application/merge-patch+json",
                "application/apply-patch+yaml", nil,
            ]
        )
        #expect(server.requests[1].body == Array(#"{"a":1}"#.utf8))
    }

    @Test("after a 401 the request is sent once more with a new credential")
    func unauthorized() async throws {
        let folder = try TemporaryFolder()
        let plugin = try folder.write(
            "plugin",
            """
            #!/bin/sh
            echo run >>\(folder.path)/runs
            echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",' \\
              '"status":{"token":"t'$(wc -l <\(folder.path)/runs)'"}}'
            """,
            isExecutable: true
        )
        let credentials = CredentialSource.exec(ExecPlugin(apiVersion: .v1, command: plugin))
        let refusal = try recorded("errors/401-expired-token")
        let server = ScriptedServer([refusal, .response(Body.list([], version: 1)), refusal, refusal])
        let api = api(server, credentials)
        _ = try await api.get(lease)
        let error = await #expect(throws: APIFailure.self) { try await api.get(lease) }
        #expect(error?.description == "the API server answers 401 Unauthorized")
        #expect(
            server.requests.map { $0.headers["Authorization"] }
                == ["Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]
        )
    }

    @Test("errors of the server come as its Status, with the time to wait")
    func refusal() async throws {
        let server = ScriptedServer([try recorded("errors/429")])
        await #expect(
            throws: APIFailure.refused(
                KubernetesStatus(
                    code: 429,
                    reason: "TooManyRequests",
                    message: "Too many requests, please try again later.",
                    retryAfterSeconds: 1
                )
            )
        ) { try await api(server).get(lease) }
    }

    @Test("a certificate from a plugin makes the connection; a new one makes a new connection")
    func certificates() async throws {
        let folder = try TemporaryFolder()
        let plugin = try folder.write(
            "plugin",
            """
            #!/bin/sh
            echo run >>\(folder.path)/runs
            echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{' \\
              '"clientCertificateData":"C'$(wc -l <\(folder.path)/runs)'","clientKeyData":"K"}}'
            """,
            isExecutable: true
        )
        let source = CredentialSource.exec(ExecPlugin(apiVersion: .v1, command: plugin))
        let made = AsyncStream<HTTPClientConfiguration.Material?>.makeStream()
        let server = ScriptedServer()
        let connection = ClusterConnection(
            ClusterConfiguration(server: "https://h", credentials: source, source: "test"),
            credentials: CredentialProvider(source, environment: [:])
        ) { configuration in
            made.continuation.yield(configuration.tls.clientCertificate?.certificate)
            return server
        }
        let first = try await connection.attempt()
        _ = try await connection.attempt()
        try await connection.refreshCredential(after: first)
        _ = try await connection.attempt()
        made.continuation.finish()
        var certificates: [HTTPClientConfiguration.Material?] = []
        for await certificate in made.stream { certificates.append(certificate) }
        #expect(certificates == [.pem(Array("C1".utf8)), .pem(Array("C2".utf8))])
    }

    @Test("of several tasks that saw one connection fail, the first renews it")
    func renewing() async throws {
        let made = AsyncStream<Void>.makeStream()
        let server = ScriptedServer()
        let connection = ClusterConnection(
            ClusterConfiguration(server: "https://h", source: "test"),
            credentials: CredentialProvider(.none, environment: [:])
        ) { _ in
            made.continuation.yield()
            return server
        }
        let first = try await connection.attempt()
        let second = try await connection.attempt()
        connection.renew(after: first)
        _ = try await connection.attempt()
        connection.renew(after: second)
        _ = try await connection.attempt()
        made.continuation.finish()
        #expect(await made.stream.reduce(0) { count, _ in count + 1 } == 2)
    }
}
