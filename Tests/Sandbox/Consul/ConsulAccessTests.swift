import Testing

@testable import Sandbox

@Suite("Consul stand-in: access control", .timeLimit(.minutes(2)))
struct ConsulAccessTests {
    private static let writer = AccessControl.Token(
        secret: "writer",
        policies: [
            .init("mirror", [.init(.node, exactly: "mirror", .write), .init(.service, prefix: "", .write)])
        ]
    )
    private static let reader = AccessControl.Token(
        secret: "reader",
        policies: [.init("web", [.init(.node, prefix: "", .read), .init(.service, exactly: "web", .read)])]
    )

    private func probe() async throws -> ConsulProbe {
        let probe = try await ConsulProbe(access: AccessControl(tokens: [Self.writer, Self.reader]))
        #expect(try await probe.register("web", token: "writer").status == 200)
        #expect(try await probe.register("api", token: "writer").status == 200)
        return probe
    }

    @Test(
        "reads show only what the token may see, with no sign that anything is missing",
        arguments: [
            ("/v1/catalog/services", "web", "api"), ("/v1/catalog/node-services/mirror", "web-1", "api-1"),
            ("/v1/catalog/node/mirror", "web-1", "api-1"), ("/v1/health/node/mirror", "web-1", "api-1"),
            ("/v1/health/state/any", "web-1", "api-1"),
        ]
    )
    func filtered(_ target: String, _ shown: String, _ hidden: String) async throws {
        let probe = try await probe()
        let reply = try await probe.get(target, token: "reader")
        #expect(reply.status == 200)
        #expect(reply.text.contains("\"\(shown)\""), "\(reply.text)")
        #expect(!reply.text.contains("\"\(hidden)\""), "\(reply.text)")
        await probe.standIn.stop()
    }

    @Test("a policy lost at runtime empties reads and denies writes; a lost token is unknown")
    func permissionLost() async throws {
        let probe = try await probe()
        probe.standIn.setAccess { $0.set(.init(secret: "writer", policies: [])) }
        #expect(try await probe.get("/v1/health/service/web?pretty", token: "writer").text == "[]\n")
        #expect(try await probe.register("web", 2, token: "writer").text == "Permission denied")
        probe.standIn.setAccess { $0.remove(secret: "writer") }
        let reply = try await probe.get("/v1/health/service/web", token: "writer")
        #expect(reply.status == 403 && reply.text == "ACL not found")
        await probe.standIn.stop()
    }

    @Test("in a transaction a check is judged by the service name the operation gives, not by the stored one")
    func transactionCheckNeedsName() async throws {
        let probe = try await probe()
        let narrow = AccessControl.Policy("web", [.init(.service, exactly: "web", .write)])
        probe.standIn.setAccess { $0.set(.init(secret: "narrow", policies: [narrow])) }
        func operation(_ name: String) -> String {
            #"[{"Check":{"Verb":"set","Check":{"Node":"mirror","CheckID":"web-1","Name":"r","ServiceID":"web-1"\#(name)}}}]"#
        }
        #expect(try await probe.put("/v1/txn", operation(""), token: "narrow").status == 409)
        #expect(try await probe.put("/v1/txn", operation(#","ServiceName":"web""#), token: "narrow").status == 200)
        await probe.standIn.stop()
    }

    @Test("the exact rule comes before prefixes, the longest prefix before shorter ones")
    func precedence() {
        let token = AccessControl.Token(
            secret: "x",
            policies: [
                .init(
                    "mixed",
                    [
                        .init(.service, prefix: "", .read), .init(.service, prefix: "web", .write),
                        .init(.service, exactly: "web-admin", .deny),
                    ]
                )
            ]
        )
        let authorizer = Authorizer(token, isDenyingByDefault: true)
        #expect(authorizer.canRead(.service, "api") && !authorizer.canWrite(.service, "api"))
        #expect(authorizer.canWrite(.service, "web-shop"))
        #expect(!authorizer.canRead(.service, "web-admin"))
        #expect(!authorizer.canRead(.node, "any"))
        #expect(Authorizer(.init(secret: "y", policies: []), isDenyingByDefault: false).canWrite(.node, "any"))
    }
}
