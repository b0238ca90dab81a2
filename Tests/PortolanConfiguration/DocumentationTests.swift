import Foundation
import Testing

@testable import PortolanConfiguration

/// docs/configuration.md against what the reader knows, which it tells itself when it meets an unknown key.
@Suite struct DocumentationTests {
    /// Every key there is, in mappings that all begin with "{ ".
    private static let everyKey = """
        { cluster: east,
          systems: {
            east: { kubernetes: { kubeconfig: a.yaml, context: a, services: "a=b", endpoints: auto,
                                  namespaces: { include: ["*"], exclude: [kube-system] } },
                    required: true, withdrawOnExit: false },
            files: { manifests: { path: services } },
            dc1: { consul: { address: "https://consul.example:8501", datacenter: dc1, node: mirror,
                             token: { file: /run/secrets/consul },
                             tls: { ca: ca.pem, cert: c.pem, key: k.pem, serverName: a, insecureSkipVerify: false } } } },
          sync: [{ from: east, to: dc1, name: "{service}", namespace: a }],
          guard: { maxRemoved: 40%, above: 5, hold: 90s },
          dns: { listen: ["127.0.0.1:5353"], ttl: 7, workers: 2, udpSize: 1400, nsid: east-1,
                 tcp: { connections: 2000, perClient: 50, idle: 10s },
                 tls: { listen: ["127.0.0.1:8530"], certificate: tls.crt, key: tls.key },
                 cookies: { secret: { env: COOKIES } },
                 rateLimit: { perSecond: 200, slip: 3, ipv4Prefix: 28, ipv6Prefix: 48, exempt: [10.0.0.0/8] },
                 state: state, maxStale: 72h,
                 keys: { transfer.example: { algorithm: hmac-sha256, secret: { file: key } } },
                 zones: [{ zone: a.test, from: [east, dc1], prefer: east, near: eu-1a, allowQuery: [10.0.0.0/8],
                           transfer: { allow: [{ from: 10.0.0.0/8, key: transfer.example }],
                                       notify: [{ to: "10.1.0.2:53", key: transfer.example }] } },
                         { zone: b.test, from: [east], reverse: [10.0.0.0/8], dnssec: { keys: keys } }] },
          admin: { listen: "127.0.0.1:9000" },
          log: { level: debug, format: json } }
        """

    /// By mapping, as `dns.zones[]`, the keys it may hold.
    private static func known() -> [String: Set<String>] {
        let probe = "zzzzzzzz"
        let text = everyKey.replacing("{ ", with: "{ \(probe): 1, ")
        var known: [String: Set<String>] = [:]
        do throws(ConfigurationError) {
            _ = try Configuration.reading(text, file: "", environment: [:])
        } catch {
            let form = #/unknown key "z+"(?: in (.+))?; known are (.+)/#
            for mistake in error.mistakes {
                guard let match = mistake.message.wholeMatch(of: form) else { continue }
                let path = (match.1.map(String.init) ?? "").replacing(#/\[[0-9]+\]/#, with: "[]")
                    .replacing(#/^systems\.[a-z0-9]+/#, with: "systems.<name>")
                    .replacing("dns.keys.transfer.example", with: "dns.keys.<name>")
                let keys = match.2.replacing(" ", with: "").split(separator: ",").map(String.init)
                // A secret is a value that happens to be a mapping.
                if keys != ["file", "env"] { known[path, default: []].formUnion(keys) }
            }
        }
        return known
    }

    /// The rows of the tables of keys: the whole path, and the row.
    private static func documented() throws -> [(path: String, row: String)] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let text = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        let section = try #require(text.firstMatch(of: #/\n## Keys\n((?s).*?)\n## /#)).1
        var prefix = ""
        var rows: [(String, String)] = []
        for line in section.split(separator: "\n") {
            if let kind = line.wholeMatch(of: #/### `(.+)`/#) {
                prefix = "systems.<name>.\(kind.1)."
            } else if let row = line.wholeMatch(of: #/\| (`.+?) \| .*/#) {
                for key in row.1.matches(of: #/`([^`]+)`/#) { rows.append((prefix + key.1, String(line))) }
            } else if let key = line.prefixMatch(of: #/`([^`]+)`: /#) {
                rows.append((prefix + key.1, String(line)))
            }
        }
        return rows
    }

    @Test("The file below uses every key that is read, each of them as it may be used")
    func complete() {
        let known = Self.known()
        #expect(known.count > 10)
        for (path, keys) in known {
            for key in keys { #expect(Self.everyKey.contains("\(key): "), "\(path) has a key \(key)") }
        }
    }

    @Test("Every key that is read is documented")
    func documentsAll() throws {
        let documented = try Self.documented()
        let known = Self.known()
        for (path, keys) in known {
            for key in keys {
                let whole = path.isEmpty ? key : "\(path).\(key)"
                // A mapping is documented by its members; a member may be told in the row of its mapping.
                guard known[whole] == nil, known["\(whole)[]"] == nil else { continue }
                let hasRow = documented.contains { $0.path == whole || $0.path.hasPrefix("\(whole).") }
                let isTold = documented.contains { row in
                    (path == row.path || path == "\(row.path)[]") && row.row.contains(key)
                }
                #expect(hasRow || isTold, "\(whole) is read and not documented")
            }
        }
    }

    @Test("Every key that is documented is read")
    func documentsNoMore() throws {
        let known = Self.known()
        let paths = known.flatMap { path, keys in keys.map { path.isEmpty ? $0 : "\(path).\($0)" } }
        let documented = try Self.documented()
        #expect(documented.count > 40)
        for (path, _) in documented {
            #expect(known[path] != nil || paths.contains(path), "\(path) is documented and not read")
        }
    }
}
