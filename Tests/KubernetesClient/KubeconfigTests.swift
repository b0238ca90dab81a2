import HTTPTransport
import KubernetesObjects
import Testing

@testable import KubernetesClient

@Suite struct KubeconfigTests {
    private let folder: TemporaryFolder
    private static let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

    init() throws { folder = try TemporaryFolder() }

    private func read(_ yaml: String, context: String? = nil) throws -> ClusterConfiguration {
        try ClusterConfiguration.kubeconfig(files: [folder.write("config", yaml)], context: context)
    }

    /// A kubeconfig with one context, whose cluster and user hold the given lines.
    private static func kubeconfig(cluster: String = "", user: String = "", server: String = "https://api.example:6443")
        -> String
    {
        func indented(_ text: String) -> String {
            text.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        }
        return """
            apiVersion: v1
            kind: Config
            current-context: main
            contexts:
            - name: main
              context: {cluster: c, user: u, namespace: shop}
            clusters:
            - name: c
              cluster:
                server: \(server)
            \(indented(cluster))
            users:
            - name: u
              user:
                ignored: true
            \(indented(user))
            """
    }

    @Test(
        "a plugin's configuration that stands for more than any machine holds is refused",
        arguments: ["[*, *]", "[*]"]
    )
    func bomb(level: String) throws {
        let levels = (1...100).map { "a\($0): &a\($0) " + level.replacing("*", with: "*a\($0 - 1)") }
        let yaml =
            "a0: &a0 [x, x]\n" + levels.joined(separator: "\n") + "\n"
            + Self.kubeconfig(
                cluster: "extensions: [{name: client.authentication.k8s.io/exec, extension: *a100}]"
            )
        let error = #expect(throws: ClusterConfigurationError.self) { try read(yaml) }
        #expect(error?.message.contains("with its aliases written out") == true)
        #expect(error?.line != nil)
    }

    @Test("a whole file: context, cluster, user")
    func whole() throws {
        let configuration = try read(
            Self.kubeconfig(
                cluster: "tls-server-name: kubernetes\nproxy-url: http://proxy:3128",
                user:
                    "token: t0ken\nas: jane\nas-uid: \"7\"\nas-groups: [dev, ops]\nas-user-extra: {example/scope: [a]}"
            )
        )
        #expect(configuration.server == "https://api.example:6443")
        #expect(configuration.tls.serverName == "kubernetes")
        #expect(configuration.tls.verifies)
        #expect(configuration.proxy == "http://proxy:3128")
        #expect(configuration.namespace == "shop")
        #expect(configuration.credentials == .token(Secret("t0ken")))
        #expect(configuration.warnings == [])
        #expect(
            configuration.impersonation.fields.map { "\($0.name): \($0.value)" } == [
                "Impersonate-User: jane", "Impersonate-Uid: 7", "Impersonate-Group: dev", "Impersonate-Group: ops",
                "Impersonate-Extra-example%2Fscope: a",
            ]
        )
    }

    @Test("what kubectl writes for inline certificates")
    func inlineCertificates() throws {
        let data = Base64.encode(Array(Self.pem.utf8))
        let configuration = try read(
            Self.kubeconfig(
                cluster: "certificate-authority-data: \(data)",
                user: "client-certificate-data: \(data)\nclient-key-data: \(data)"
            )
        )
        let material = HTTPClientConfiguration.Material.pem(Array(Self.pem.utf8))
        #expect(configuration.tls.certificateAuthority == material)
        #expect(configuration.tls.clientCertificate == .init(certificate: material, key: material))
    }

    @Test("relative paths start from the folder of their file, not of this process")
    func relativePaths() throws {
        let folder = folder.path
        try self.folder.write("pki/ca.crt", Self.pem)
        try self.folder.write("pki/client.crt", Self.pem)
        try self.folder.write("pki/client.key", Self.pem)
        let configuration = try read(
            Self.kubeconfig(
                cluster: "certificate-authority: pki/ca.crt",
                user: "client-certificate: ./pki/client.crt\nclient-key: \(folder)/pki/client.key"
            )
        )
        #expect(configuration.tls.certificateAuthority == .file("\(folder)/pki/ca.crt"))
        #expect(
            configuration.tls.clientCertificate
                == .init(certificate: .file("\(folder)/./pki/client.crt"), key: .file("\(folder)/pki/client.key"))
        )
    }

    @Test("inline data wins over a file")
    func dataWins() throws {
        let data = Base64.encode(Array(Self.pem.utf8))
        let configuration = try read(
            Self.kubeconfig(cluster: "certificate-authority: /absent\ncertificate-authority-data: \(data)")
        )
        #expect(configuration.tls.certificateAuthority == .pem(Array(Self.pem.utf8)))
    }

    @Test("of several files the first to define a name wins, absent files are passed over")
    func merging() throws {
        let first = try folder.write(
            "first",
            """
            contexts: [{name: east, context: {cluster: east, user: me}}]
            users: [{name: me, user: {token: first}}]
            """
        )
        let second = try folder.write(
            "second",
            """
            current-context: east
            contexts: [{name: east, context: {cluster: other}}, {name: west, context: {cluster: west, user: me}}]
            clusters: [{name: east, cluster: {server: "https://east"}}, {name: west, cluster: {server: "https://west"}}]
            users: [{name: me, user: {token: second}}]
            """
        )
        let third = try folder.write("third", "current-context: west")
        let files = [first, "\(folder.path)/absent", second, third]
        let east = try ClusterConfiguration.kubeconfig(files: files)
        #expect(east.server == "https://east")
        #expect(east.credentials == .token(Secret("first")))
        #expect(east.namespace == "default")
        #expect(try ClusterConfiguration.kubeconfig(files: files, context: "west").server == "https://west")
    }

    @Test(
        "the files kubectl would read",
        arguments: [
            (["KUBECONFIG": "/a:/b"], ["/a", "/b"]), (["KUBECONFIG": ":/a:", "HOME": "/root"], ["/a"]),
            (["KUBECONFIG": "", "HOME": "/root"], ["/root/.kube/config"]), ([:], []),
        ]
    )
    func files(environment: [String: String], files: [String]) {
        #expect(ClusterConfiguration.kubeconfigFiles(environment: environment) == files)
    }

    @Test(
        "credentials",
        arguments: [
            ("token: abc", CredentialSource.token(Secret("abc"))),
            ("username: jane\npassword: \"0123\"", .basic(username: "jane", password: Secret("0123"))),
            ("token: \"\"", CredentialSource.none),
        ]
    )
    func credentials(user: String, source: CredentialSource) throws {
        #expect(try read(Self.kubeconfig(user: user)).credentials == source)
    }

    @Test("a token file is read as it rotates, with the token as the fallback")
    func tokenFile() throws {
        try folder.write("token", "abc\n")
        #expect(
            try read(Self.kubeconfig(user: "tokenFile: token")).credentials
                == .tokenFile(path: "\(folder.path)/token", fallback: nil)
        )
        #expect(
            try read(Self.kubeconfig(user: "tokenFile: /absent\ntoken: old")).credentials
                == .tokenFile(path: "/absent", fallback: Secret("old"))
        )
    }

    @Test("not verifying the server works, and is said aloud")
    func insecure() throws {
        let configuration = try read(Self.kubeconfig(cluster: "insecure-skip-tls-verify: true"))
        #expect(!configuration.tls.verifies)
        #expect(configuration.warnings.count == 1)
        #expect(configuration.warnings.first?.contains("https://api.example:6443 is not verified") == true)
    }

    @Test("credentials are not sent in clear, and that is said aloud")
    func clearText() throws {
        let configuration = try read(Self.kubeconfig(user: "token: abc", server: "http://127.0.0.1:8001"))
        #expect(configuration.credentials == .none)
        #expect(
            configuration.warnings == [
                "the credentials of user \"u\" are not sent: http://127.0.0.1:8001 is not encrypted"
            ]
        )
    }

    @Test(
        "servers as they may be written",
        arguments: [
            ("https://h:6443/", "https://h:6443"), ("HTTPS://h/k8s/clusters/c-1/", "https://h/k8s/clusters/c-1"),
            ("https://[fd00::1]:6443", "https://[fd00::1]:6443"), ("h:8080", "http://h:8080"),
        ]
    )
    func servers(text: String, server: String) throws {
        #expect(try read(Self.kubeconfig(server: text)).server == server)
    }

    @Test("exec, as a managed cluster's kubeconfig has it")
    func exec() throws {
        let data = Base64.encode(Array(Self.pem.utf8))
        let configuration = try read(
            """
            current-context: main
            contexts: [{name: main, context: {cluster: c, user: u}}]
            clusters:
            - name: c
              cluster:
                server: https://api.example
                certificate-authority-data: \(data)
                extensions:
                - name: client.authentication.k8s.io/exec
                  extension: {audience: "06e3", retries: 3, deep: [true, null, 1.5]}
            users:
            - name: u
              user:
                exec:
                  apiVersion: client.authentication.k8s.io/v1
                  command: bin/login
                  args: [get-token, --id, 007]
                  env: [{name: PROFILE, value: prod}]
                  installHint: install it
                  interactiveMode: IfAvailable
                  provideClusterInfo: true
            """
        )
        guard case .exec(let plugin) = configuration.credentials else {
            Issue.record("not exec: \(configuration.credentials)")
            return
        }
        #expect(plugin.command == "\(folder.path)/bin/login")
        #expect(plugin.arguments == ["get-token", "--id", "007"])
        #expect(plugin.environment == [ExecPlugin.Variable(name: "PROFILE", value: Secret("prod"))])
        #expect(plugin.installHint == "install it")
        #expect(
            String(decoding: plugin.request.encoded, as: UTF8.self)
                == """
                {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"cluster":\
                {"certificate-authority-data":"\(data)","config":{"audience":"06e3","deep":[true,null,1.5],\
                "retries":3},"server":"https://api.example"},"interactive":false}}
                """
        )
    }

    @Test("secrets do not show when a configuration is printed")
    func secrets() throws {
        let configuration = try read(Self.kubeconfig(user: "token: hunter2"))
        #expect(!"\(configuration)".contains("hunter2"))
        #expect(!String(reflecting: configuration).contains("hunter2"))
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    @Test(
        "mistakes name the place, the thing and the way out",
        arguments: [
            ("current-context: east", ":1:18: context \"east\" is not defined; defined are: none"),
            (
                "contexts: [{name: a, context: {}}, {name: b, context: {}}]",
                ": no current-context is set; name one of the contexts for this system: a, b"
            ),
            (
                """
                current-context: main
                contexts:
                - name: main
                  context:
                    cluster: wst
                clusters:
                - name: west
                  cluster: {server: "https://h"}
                """,
                ":5:14: context \"main\" names cluster \"wst\", which is not defined; defined are: west"
            ),
            (
                "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: me}}]\n"
                    + "clusters: [{name: c, cluster: {server: \"https://h\"}}]",
                ":2:50: context \"a\" names user \"me\", which is not defined; defined are: none"
            ),
            ("current-context: a\ncontexts: [{name: a}]", ":2:12: context \"a\" has no cluster"),
            ("current-context: a\ncontexts: {a: b}", ":2:11: contexts is a list"),
            ("- a", ":1:1: a kubeconfig is a mapping of keys to values"),
            ("kind: Secret", ":1:7: kind is \"Secret\"; a kubeconfig has kind Config"),
            ("clusters: [{cluster: {}}]", ":1:12: an item of clusters has no name"),
            ("users: [{name: a}, {name: a}]", ":1:27: user \"a\" is defined twice in this file"),
            ("a: [1", "config:"),
            ("a: \"unfinished", ": not valid YAML"),
            ("a: 1\na: 2", "a mapping holds the key a twice"),
            (kubeconfig(server: "\"\""), "cluster \"c\" has no server"),
            (
                kubeconfig(server: "ftp://h"),
                ":10:13: server of cluster \"c\" is \"ftp://h\", which is neither http:// nor"
            ),
            (
                kubeconfig(server: "https://jane:pw@h"),
                "server of cluster \"c\" holds a user name; credentials belong under"
            ),
            (kubeconfig(server: "https://h:99999"), "whose port is not a number up to 65535"),
            (kubeconfig(server: "https://fd00::1"), "which needs [ ] around its IPv6 address"),
            (kubeconfig(cluster: "insecure-skip-tls-verify: yes"), "is true or false, not \"yes\""),
            (
                kubeconfig(cluster: "insecure-skip-tls-verify: true\ncertificate-authority-data: LS0tLS1CRUdJTiA="),
                "sets both insecure-skip-tls-verify and a certificate authority"
            ),
            (
                kubeconfig(cluster: "certificate-authority-data: \"%%\""),
                ":11:33: certificate-authority-data is not base64"
            ),
            (kubeconfig(cluster: "certificate-authority-data: Zm9v"), "certificate-authority-data holds no PEM text"),
            (
                kubeconfig(cluster: "certificate-authority: /absent/ca.crt"),
                ":11:28: certificate-authority /absent/ca.crt cannot be read: No such file or directory"
            ),
            (kubeconfig(cluster: "proxy-url: proxy:3128"), "proxy-url of cluster \"c\" begins with http://"),
            (kubeconfig(user: "tokenFile: /absent"), "tokenFile /absent cannot be read: No such file or directory"),
            (kubeconfig(user: "token: a\nusername: b"), "user \"u\" has a token and a username"),
            (kubeconfig(user: "token: [a]"), "token is text, not a list or a mapping"),
            (
                kubeconfig(user: "client-certificate-data: LS0tLS1CRUdJTiA="),
                "user \"u\" has a client-certificate and no client-key"
            ),
            (kubeconfig(user: "as-groups: [a]"), "user \"u\" sets as-uid, as-groups or as-user-extra without as"),
            (
                kubeconfig(user: "auth-provider: {name: gcp}"),
                "uses auth-provider \"gcp\", which Kubernetes removed in 1.26"
            ),
            (kubeconfig(user: "exec: {command: a}"), "exec of user \"u\" has no apiVersion"),
            (
                kubeconfig(user: "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: a}"),
                "wants apiVersion \"client.authentication.k8s.io/v1alpha1\"; use client.authentication.k8s.io/v1 or"
            ),
            (
                kubeconfig(user: "exec: {apiVersion: client.authentication.k8s.io/v1}"),
                "exec of user \"u\" has no command"
            ),
            (
                kubeconfig(user: "exec: {apiVersion: client.authentication.k8s.io/v1, command: a}"),
                "exec of user \"u\" has no interactiveMode"
            ),
            (
                kubeconfig(
                    user: "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Always}"
                ),
                "needs a terminal"
            ),
            (
                kubeconfig(
                    user: "token: b\nexec: {apiVersion: client.authentication.k8s.io/v1beta1, command: a}"
                ),
                "has exec and a token or username"
            ),
        ]
    )
    func mistakes(yaml: String, message: String) throws {
        let error = #expect(throws: ClusterConfigurationError.self) { try read(yaml) }
        let description = try #require(error).description
        #expect(description.hasPrefix("\(folder.path)/config"))
        #expect(description.contains(message), "\(description)")
    }

    @Test("files that are not there, and contexts asked for that are not")
    func absent() throws {
        let error = #expect(throws: ClusterConfigurationError.self) {
            try ClusterConfiguration.kubeconfig(files: ["/absent/config"])
        }
        #expect(error?.description == "/absent/config: the kubeconfig cannot be read: No such file or directory")
        let none = #expect(throws: ClusterConfigurationError.self) {
            try ClusterConfiguration.kubeconfig(files: ["/absent/a", "/absent/b"])
        }
        #expect(none?.description == "none of the kubeconfig files exists: /absent/a, /absent/b")
        let context = #expect(throws: ClusterConfigurationError.self) {
            try read(Self.kubeconfig(), context: "wst")
        }
        #expect(context?.description == "\(folder.path)/config: context \"wst\" is not defined; defined are: main")
    }

    @Test("a YAML mistake does not show the secrets around it")
    func yamlMistakeKeepsSecrets() throws {
        let error = #expect(throws: ClusterConfigurationError.self) { try read("token: hunter2\n  bad: [") }
        #expect(error?.description.contains("hunter2") == false)
    }
}
