import DNSCore
import DNSZones
import KubernetesClient
import ServiceCatalog
import SyncEngine
import Testing

@testable import PortolanConfiguration

private func read(_ text: String, environment: [String: String] = [:]) throws(ConfigurationError) -> Configuration {
    try Configuration.reading(text, file: "portolan.yaml", environment: environment)
}

private let base = """
    cluster: east
    systems:
      east: { kubernetes: {} }
      dc1: { consul: { address: "http://127.0.0.1:8500" } }

    """

@Suite struct ConfigurationTests {
    @Test("A file that uses every key is read whole")
    func everything() throws {
        let configuration = try read(
            """
            cluster: east
            systems:
              east:    { kubernetes: {} }
              west:    { kubernetes: { kubeconfig: /etc/portolan/west.yaml, context: west,
                         namespaces: { include: ["*"], exclude: [kube-system] }, services: "app!=internal", endpoints: slices } }
              files:   { manifests: { path: ./services }, required: false }
              dc1:     { consul: { address: "https://consul.example:8501/", datacenter: dc1, node: mirror,
                         token: { file: /run/secrets/consul },
                         tls: { ca: ca.pem, cert: c.pem, key: k.pem, serverName: server.dc1.consul } }, withdrawOnExit: true }
            sync:
              - { from: east, to: dc1, name: "{service}.{namespace}" }
            guard: { maxRemoved: 40%, above: 5, hold: 90s }
            dns:
              listen: ["127.0.0.1:5353", "[::1]:5353"]
              ttl: 7
              workers: 2
              udpSize: 1400
              tcp: { connections: 2000, perClient: 50, idle: 10s }
              tls: { listen: ["127.0.0.1:8530"], certificate: /run/tls/tls.crt, key: /run/tls/tls.key }
              nsid: east-1
              cookies: { secret: { file: /run/secrets/cookies } }
              rateLimit: { perSecond: 200, slip: 3, ipv4Prefix: 28, ipv6Prefix: 48, exempt: [10.0.0.0/8, "fd00::1"] }
              state: /var/lib/portolan
              maxStale: 72h
              zones:
                - { zone: Cluster.Local., from: [east], reverse: [10.0.0.0/8], allowQuery: [10.0.0.0/8, 192.0.2.1] }
                - { zone: mesh.example.com, from: [east, west], prefer: west, near: eu-1a }
            admin: { listen: "127.0.0.1:9000" }
            log: { level: debug, format: json }
            """
        )
        #expect(configuration.cluster == "east")
        #expect(configuration.systems.map(\.name) == ["east", "west", "files", "dc1"])
        let west = KubernetesConfiguration(
            kubeconfig: "/etc/portolan/west.yaml",
            context: "west",
            services: try LabelSelector("app!=internal"),
            endpoints: .slices
        )
        #expect(configuration.system("west")?.kind == .kubernetes(west))
        #expect(configuration.system("files")?.required == false)
        let consul = ConsulConfiguration(
            address: "https://consul.example:8501",
            datacenter: "dc1",
            token: .file("/run/secrets/consul"),
            tls: TLSConfiguration(
                certificateAuthority: "ca.pem",
                certificate: "c.pem",
                key: "k.pem",
                serverName: "server.dc1.consul"
            ),
            node: "mirror"
        )
        #expect(configuration.system("dc1")?.kind == .consul(consul))
        #expect(configuration.system("dc1")?.withdrawOnExit == true)
        #expect(
            configuration.syncs == [
                SyncConfiguration(from: "east", to: "dc1", name: try NameTemplate("{service}.{namespace}"))
            ]
        )
        #expect(configuration.removalGuard == GuardConfiguration(maxRemoved: 0.4, above: 5, hold: .seconds(90)))
        let dns = try #require(configuration.dns)
        #expect(dns.listen.map(\.description) == ["127.0.0.1:5353", "[::1]:5353"])
        #expect(dns.zones.map(\.zone.description) == ["cluster.local.", "mesh.example.com."])
        #expect(dns.zones[0].reverse?.map(\.name.description) == ["10.in-addr.arpa."])
        #expect(dns.zones[1].prefer == "west")
        #expect(dns.zones.map(\.near) == [nil, "eu-1a"])
        #expect(dns.state == "/var/lib/portolan")
        #expect(dns.maxStale == .seconds(72 * 3600))
        #expect((dns.ttl, dns.workers, dns.udpSize) == (7, 2, 1400))
        #expect(dns.tcp == DNSStreamConfiguration(connections: 2000, perClient: 50, idle: .seconds(10)))
        let tls = DNSTLSConfiguration(
            listen: [try #require(ListenAddress("127.0.0.1:8530"))],
            certificate: "/run/tls/tls.crt",
            key: "/run/tls/tls.key"
        )
        #expect(dns.tls == tls)
        #expect(dns.nsid == "east-1")
        #expect(dns.cookieSecret == .file("/run/secrets/cookies"))
        let exempt = [try AddressRange("10.0.0.0/8"), try AddressRange("fd00::1")]
        #expect(
            dns.rateLimit
                == RateLimitConfiguration(perSecond: 200, slip: 3, ipv4Prefix: 28, ipv6Prefix: 48, exempt: exempt)
        )
        #expect(dns.zones.map(\.allowQuery) == [[try AddressRange("10.0.0.0/8"), try AddressRange("192.0.2.1")], nil])
        #expect(configuration.admin.listen.description == "127.0.0.1:9000")
        #expect(configuration.log == LogConfiguration(level: .debug, format: .json))
    }

    @Test("What is not said has its default")
    func defaults() throws {
        let configuration = try read(base)
        #expect(configuration.removalGuard == GuardConfiguration(maxRemoved: 0.3, above: 10, hold: .seconds(300)))
        #expect(configuration.dns == nil)
        #expect(configuration.admin.listen.description == "127.0.0.1:8053")
        #expect(configuration.system("east")?.required == nil)
        #expect(configuration.system("east")?.kind == .kubernetes(KubernetesConfiguration()))
    }

    @Test("Environment variables are expanded inside values")
    func expansion() throws {
        let text = """
            cluster: ${SITE}-1
            systems: { dc1: { consul: { address: "http://${HOST}:8500", token: "${TOKEN}" } } }
            """
        let configuration = try read(text, environment: ["SITE": "east", "HOST": "consul"])
        #expect(configuration.cluster == "east-1")
        let consul = ConsulConfiguration(address: "http://consul:8500", token: .environment("TOKEN"))
        #expect(configuration.system("dc1")?.kind == .consul(consul))
    }

    /// The mistake, and what its message must say: the place first, then what the reader needs to mend it.
    static let mistakes: [(text: String, place: String, says: [String])] = [
        ("", "portolan.yaml", ["empty", "cluster"]),
        ("- a", "portolan.yaml:1:1", ["mapping"]),
        ("cluster: [", "portolan.yaml:2:1", ["not valid YAML"]),
        ("cluster: a\ncluster: b\nsystems: {}", "portolan.yaml:1:1", ["written twice", "cluster"]),
        ("systems: { a: { kubernetes: {} } }", "portolan.yaml:1:1", ["needs the key \"cluster\""]),
        ("cluster: East_1\nsystems: { a: { kubernetes: {} } }", "portolan.yaml:1:10", ["DNS label"]),
        ("cluster: ${NOWHERE}\nsystems: { a: { kubernetes: {} } }", "portolan.yaml:1:10", ["NOWHERE", "not set"]),
        ("cluster: a\nsystems: {}", "portolan.yaml:2:10", ["at least one system"]),
        (
            "cluster: a\nsystems: { x: { kubernets: {} } }", "portolan.yaml:2:17",
            ["kubernets", "did you mean \"kubernetes\"?"]
        ),
        ("cluster: a\nsystems: { x: {} }", "portolan.yaml:2:15", ["\"x\"", "exactly one kind"]),
        (
            "cluster: a\nsystems: { x: { kubernetes: {}, consul: { address: 'http://a' } } }", "portolan.yaml:2:15",
            ["kubernetes and consul"]
        ),
        ("cluster: a\nsystems: { x: { consul: {} } }", "portolan.yaml:2:25", ["\"address\""]),
        ("cluster: a\nsystems: { x: { consul: { address: consul } } }", "portolan.yaml:2:36", ["http://HOST:PORT"]),
        (
            "cluster: a\nsystems: { x: { consul: { address: 'http://a', token: hunter2 } } }", "portolan.yaml:2:55",
            ["must not stand in the file"]
        ),
        (
            "cluster: a\nsystems: { x: { kubernetes: { endpoints: slice } } }", "portolan.yaml:2:42",
            ["did you mean \"slices\"?"]
        ),
        ("cluster: a\nsystems: { x: { kubernetes: {}, required: 3 } }", "portolan.yaml:2:43", ["true or false"]),
        (base + "sync:\n  - { from: east, to: dc2 }", "portolan.yaml:6:23", ["no system \"dc2\"", "dc1"]),
        (base + "sync:\n  - { from: dc1, to: east }", "portolan.yaml:6:22", ["only read"]),
        (base + "sync:\n  - { from: dc1, to: dc1 }", "portolan.yaml:6:5", ["two systems"]),
        (base + "sync:\n  - { from: east, to: dc1 }\n  - { from: east, to: dc1 }", "portolan.yaml:7:5", ["already"]),
        (base + "sync:\n  - { from: east, to: dc1, name: \"{svc}\" }", "portolan.yaml:6:34", ["{service}"]),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [{ zone: a.b, from: [east], reverse: [10.1.0.0/8] }] }",
            "portolan.yaml:5:77", ["10.0.0.0/8"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [{ zone: a.b, from: [dc1], reverse: [10.0.0.0/8] }] }",
            "portolan.yaml:5:75", ["Kubernetes"]
        ),
        ("cluster: a\nsystems: { x: { kubernetes: { services: 'a in b' } } }", "portolan.yaml:2:41", ["a in b"]),
        (base + "guard: { maxRemoved: 30 }", "portolan.yaml:5:22", ["percentage"]),
        (base + "guard: { hold: forever }", "portolan.yaml:5:16", ["duration"]),
        (base + "dns: { listen: ['localhost:53'], zones: [] }", "portolan.yaml:5:17", ["127.0.0.1:5353"]),
        (base + "dns: { listen: ['::1:53'], zones: [] }", "portolan.yaml:5:17", ["[::1]:5353"]),
        (base + "dns: { listen: ['1.2.3.4:99999'], zones: [] }", "portolan.yaml:5:17", ["99999"]),
        (base + "dns: { listen: ['1.2.3.4:53'] }", "portolan.yaml:5:6", ["\"zones\""]),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [{ zone: a..b, from: [east] }] }", "portolan.yaml:5:48",
            ["a..b"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [{ zone: a.b, from: [east, east] }] }", "portolan.yaml:5:59",
            ["the same label"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [{ zone: a.b, from: [east], prefer: dc1 }] }",
            "portolan.yaml:5:75", ["not in from"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [{ zone: a.b, from: [east], allowQuery: [10.0.0.1/8] }] }",
            "portolan.yaml:5:80", ["did you mean 10.0.0.0/8?"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [], tcp: { idle: 2h } }", "portolan.yaml:5:56", ["1s to 1h"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [], tls: { listen: ['1.2.3.4:853'], key: k } }",
            "portolan.yaml:5:48", ["\"certificate\""]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [], tls: { listen: ['1.2.3.4:53'], key: k, certificate: c }}",
            "portolan.yaml:5:59", ["TLS needs a port of its own"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [], tls: { listen: [], key: k, certificate: c } }",
            "portolan.yaml:5:58", ["0.0.0.0:853"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [], nsid: \(String(repeating: "n", count: 65)) }",
            "portolan.yaml:5:49", ["64 octets"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [], cookies: { secret: abc } }", "portolan.yaml:5:62",
            ["{ file: PATH }"]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [], rateLimit: { slip: 2 } }", "portolan.yaml:5:54",
            ["\"perSecond\""]
        ),
        (
            base + "dns: { listen: ['1.2.3.4:53'], zones: [], rateLimit: { perSecond: 5, exempt: [ten] } }",
            "portolan.yaml:5:79", ["not an address range"]
        ),
        (base + "log: { level: loud }", "portolan.yaml:5:15", ["trace, debug, info"]),
    ]

    @Test("A mistake is reported with its place and the way out", arguments: mistakes)
    func mistake(text: String, place: String, says: [String]) throws {
        let error = try #require(throws: ConfigurationError.self) { try read(text) }
        let message = try #require(error.mistakes.first?.description)
        #expect(message.hasPrefix(place + ":"))
        for part in says { #expect(message.contains(part)) }
    }

    @Test(
        "Two targets that are one node of one Consul are refused, however their address is written",
        arguments: [
            ("http://127.0.0.1:8500", "http://127.0.0.1:8500/"), ("http://consul", "http://Consul.:080"),
            ("http://localhost:8500", "http://127.0.0.1:8500"), ("https://consul", "https://consul:443"),
            ("http://[::1]:8500", "http://[0:0::1]:8500"), ("http://[::1]", "http://[::1]:80"),
        ]
    )
    func sameTarget(first: String, second: String) throws {
        func text(_ more: String) -> String {
            """
            cluster: east
            systems:
              a: { kubernetes: {} }
              b: { manifests: { path: ./b } }
              dc1: { consul: { address: "\(first)" } }
              dc1b: { consul: { address: "\(second)"\(more) } }
            sync:
              - { from: a, to: dc1 }
              - { from: b, to: dc1b }
            """
        }
        let error = try #require(throws: ConfigurationError.self) { try read(text("")) }
        let message = try #require(error.mistakes.first?.description)
        #expect(message.hasPrefix("portolan.yaml:9:20:"))
        for part in ["\"dc1\"", "\"dc1b\"", "another node"] { #expect(message.contains(part)) }
        #expect(throws: ConfigurationError.self) { try read(text(", node: Portolan-east")) }
        #expect(try read(text(", node: other")).syncs.count == 2)
        #expect(try read(text(", datacenter: dc2")).syncs.count == 2)
    }

    @Test("A secret that stands in the file is not repeated in the message")
    func secretNotRepeated() throws {
        let text = "cluster: a\nsystems: { x: { consul: { address: 'http://a', token: hunter2 } } }"
        let error = try #require(throws: ConfigurationError.self) { try read(text) }
        #expect(!error.description.contains("hunter2"))
    }

    @Test("All mistakes of a file are reported at once")
    func several() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try read(base + "guard: { above: -1 }\nlog: { format: xml }\nnds: {}")
        }
        #expect(error.mistakes.count == 3)
    }
}
