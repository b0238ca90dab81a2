import Foundation
import HTTPTransport
import KubernetesObjects
import Synchronization
import Testing

@testable import KubernetesClient

@Suite(.timeLimit(.minutes(5))) struct CredentialProviderTests {
    private let folder: TemporaryFolder
    private let environment = ["PATH": "/usr/bin:/bin", "INHERITED": "yes"]

    init() throws { folder = try TemporaryFolder() }

    // MARK: Tokens

    @Test("a rotated token file is seen at the next request")
    func tokenFile() async throws {
        let path = try folder.write("token", "first\n")
        let provider = CredentialProvider(.tokenFile(path: path, fallback: nil), environment: [:])
        #expect(try await provider.current() == .bearer("first"))
        try folder.write("token", "second")
        #expect(try await provider.current() == .bearer("second"))
    }

    @Test("a token file that cannot be read is named, unless there is a fallback")
    func unreadableTokenFile() async throws {
        let error = await #expect(throws: CredentialError.self) {
            try await CredentialProvider(.tokenFile(path: "/absent", fallback: nil), environment: [:]).current()
        }
        #expect(error?.description == "the token file /absent cannot be read: No such file or directory")
        let empty = try folder.write("empty", "\n")
        await #expect(throws: CredentialError(.fileUnreadable, "the token file \(empty) is empty")) {
            try await CredentialProvider(.tokenFile(path: empty, fallback: nil), environment: [:]).current()
        }
        for path in ["/absent", empty] {
            let provider = CredentialProvider(.tokenFile(path: path, fallback: Secret("old")), environment: [:])
            #expect(try await provider.current() == .bearer("old"))
        }
    }

    @Test("a user name and password are sent as RFC 7617 has it")
    func basic() async throws {
        let source = CredentialSource.basic(username: "Aladdin", password: Secret("open sesame"))
        let credential = try await CredentialProvider(source, environment: [:]).current()
        #expect(credential.authorization?.value == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    }

    // MARK: Plugins

    private func plugin(_ script: String, _ configure: (inout ExecPlugin) -> Void = { _ in }) throws -> ExecPlugin {
        let path = try folder.write("plugin", "#!/bin/sh\n\(script)\n", isExecutable: true)
        var plugin = ExecPlugin(apiVersion: .v1, command: path)
        configure(&plugin)
        return plugin
    }

    private func answer(_ status: String, version: String = "v1") -> String {
        """
        cat <<END
        {"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/\(version)","status":{\(status)}}
        END
        """
    }

    private var runs: Int {
        (try? String(contentsOfFile: "\(folder.path)/runs", encoding: .utf8))?.split(separator: "\n").count ?? 0
    }

    @Test("a plugin gets its arguments, its environment and the request")
    func pluginInput() async throws {
        let plugin = try plugin(
            "printf '%s\\n' \"$@\" \"$PROFILE\" \"$INHERITED\" \"$KUBERNETES_EXEC_INFO\" >\(folder.path)/seen\n"
                + "read line && echo \"stdin: $line\" >>\(folder.path)/seen\n"
                + answer(#""token":"abc""#)
        ) {
            $0.arguments = ["get-token", "a b", "$HOME"]
            $0.environment = [.init(name: "PROFILE", value: Secret("prod"))]
            $0.clusterInfo = ["server": "https://h"]
        }
        let provider = CredentialProvider(.exec(plugin), environment: environment)
        #expect(try await provider.current() == .bearer("abc"))
        let seen = try String(contentsOfFile: "\(folder.path)/seen", encoding: .utf8)
        #expect(
            seen == """
                get-token
                a b
                $HOME
                prod
                yes
                {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",\
                "spec":{"cluster":{"server":"https://h"},"interactive":false}}

                """
        )
    }

    @Test("an answer is kept until it expires, a refused one until it is asked for")
    func caching() async throws {
        let time = Mutex(Timestamp("2026-11-22T14:00:00Z")!)
        let plugin = try plugin(
            "echo run >>\(folder.path)/runs\n"
                + answer(#""token":"t$(wc -l <\#(folder.path)/runs)","expirationTimestamp":"2026-11-22T15:00:00Z""#)
        )
        let provider = CredentialProvider(.exec(plugin), environment: environment) { time.withLock { $0 } }
        let first = try await provider.current()
        #expect(try await provider.current() == first)
        #expect(first == .bearer("t1"))

        let second = try await provider.refresh(after: first)
        #expect(second == .bearer("t2"))
        // Another task was refused with the first credential as well: the second is already there.
        #expect(try await provider.refresh(after: first) == second)
        #expect(runs == 2)

        time.withLock { $0 = Timestamp("2026-11-22T15:00:00Z")! }
        #expect(try await provider.current() == .bearer("t3"))
    }

    @Test("many tasks share one run of a plugin")
    func sharing() async throws {
        // The plugin waits until the tasks have asked.
        let plugin = try plugin(
            "echo run >>\(folder.path)/runs\ncat \(folder.path)/gate >/dev/null\n" + answer(#""token":"abc""#)
        )
        #expect(mkfifo("\(folder.path)/gate", 0o600) == 0)
        let provider = CredentialProvider(.exec(plugin), environment: environment)
        let tasks = (0..<8).map { _ in Task { try await provider.current() } }
        // Opening for writing waits for the plugin to open for reading, on a thread that tasks do not share.
        let gate = "\(folder.path)/gate"
        await withCheckedContinuation { opened in
            Thread.detachNewThread {
                close(open(gate, O_WRONLY))
                opened.resume()
            }
        }
        var credentials: [Credential] = []
        for task in tasks { credentials.append(try await task.value) }
        #expect(credentials == Array(repeating: .bearer("abc"), count: 8))
        #expect(runs == 1)
    }

    @Test("a plugin may give a client certificate")
    func certificate() async throws {
        let plugin = try plugin(answer(#""clientCertificateData":"CERT","clientKeyData":"KEY""#))
        let credential = try await CredentialProvider(.exec(plugin), environment: environment).current()
        #expect(credential.authorization == nil)
        #expect(
            credential.clientCertificate
                == .init(certificate: .pem(Array("CERT".utf8)), key: .pem(Array("KEY".utf8)))
        )
    }

    @Test("a plugin of the beta version is answered in it")
    func beta() async throws {
        let plugin = try plugin(answer(#""token":"abc""#, version: "v1beta1")) { $0.apiVersion = .v1beta1 }
        #expect(try await CredentialProvider(.exec(plugin), environment: environment).current() == .bearer("abc"))
    }

    @Test("a plugin is found in PATH")
    func path() async throws {
        var plugin = try plugin(answer(#""token":"abc""#))
        plugin.command = "plugin"
        let environment = ["PATH": "/absent:\(folder.path):/usr/bin:/bin"]
        #expect(try await CredentialProvider(.exec(plugin), environment: environment).current() == .bearer("abc"))
    }

    @Test("a plugin that is missing is reported with what to do")
    func missing() async throws {
        for command in ["no-such-plugin", "/absent/plugin"] {
            let plugin = ExecPlugin(apiVersion: .v1, command: command, installHint: "apt install it\n")
            let error = await #expect(throws: CredentialError.self) {
                try await CredentialProvider(.exec(plugin), environment: environment).current()
            }
            #expect(error?.reason == .pluginMissing)
            #expect(error?.description.hasPrefix("the credential plugin \(command) cannot be started: ") == true)
            #expect(error?.description.hasSuffix("(apt install it)") == true)
        }
    }

    @Test(
        "what a plugin does wrong is said",
        arguments: [
            (
                "echo 'no session; run login' >&2\necho second >&2\nexit 3", CredentialError.Reason.pluginFailed,
                "ended with status 3: no session; run login (hint)"
            ),
            ("kill -9 $$", .pluginFailed, "was ended by signal 9"),
            ("sleep 60", .pluginTimedOut, "did not answer within 0.3 seconds"),
            ("exec >&- 2>&-\nsleep 60", .pluginTimedOut, "did not answer within 0.3 seconds"),
            ("yes", .pluginAnswer, "prints more than 4096 bytes"),
            ("echo hello", .pluginAnswer, "prints no JSON"),
            ("echo '{}'", .pluginAnswer, "prints no ExecCredential"),
            (
                #"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"}'"#, .pluginAnswer,
                #"answers in apiVersion "client.authentication.k8s.io/v1beta1", and the kubeconfig asks for "#
            ),
            (
                #"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1"}'"#, .pluginAnswer,
                "gives neither a token nor a client certificate"
            ),
            (
                #"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","#
                    + #""status":{"token":"a","clientKeyData":"b"}}'"#,
                .pluginAnswer, "gives only one of clientCertificateData and clientKeyData"
            ),
            (
                #"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","#
                    + #""status":{"token":"a","expirationTimestamp":"soon"}}'"#,
                .pluginAnswer, "gives an expirationTimestamp that is no RFC 3339 time"
            ),
        ]
    )
    func failures(script: String, reason: CredentialError.Reason, message: String) async throws {
        let plugin = try plugin(script) {
            $0.timeout = .milliseconds(message.contains("0.3") ? 300 : 240_000)
            $0.outputLimit = 4096
            $0.installHint = "hint"
        }
        let error = await #expect(throws: CredentialError.self) {
            try await CredentialProvider(.exec(plugin), environment: environment).current()
        }
        #expect(error?.reason == reason)
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test("after a failure the plugin is asked again")
    func recovery() async throws {
        let plugin = try plugin(
            "test -e \(folder.path)/session || exit 1\n" + answer(#""token":"abc""#)
        )
        let provider = CredentialProvider(.exec(plugin), environment: environment)
        await #expect(throws: CredentialError.self) { try await provider.current() }
        try folder.write("session", "")
        #expect(try await provider.current() == .bearer("abc"))
    }
}
