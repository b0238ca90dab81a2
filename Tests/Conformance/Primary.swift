import Foundation
import TestCertificates
import Testing

/// The built program, made to serve a folder of manifests.
final class Primary {
    static let zones = ["cluster.local.", "0.0.10.in-addr.arpa."]
    static let secret = "c2VjcmV0IG9mIHRoZSBjb25mb3JtYW5jZSB0ZXN0cyE="
    static let key = "hmac-sha256:transfer.example:\(secret)"

    let folder: Folder
    let port: UInt16
    /// Of DNS over TLS, where it is served.
    let tlsPort: UInt16
    private let admin: UInt16
    private var daemon: Daemon?

    /// - Parameters:
    ///   - secondary: the port that is told of changes.
    ///   - isSigned: with the keys in ``keys``, which are to be made before the start.
    ///   - isEncrypted: whether DNS is served over TLS too, with the certificate and key given to ``use(_:_:)``.
    init(secondary: UInt16? = nil, isSigned: Bool = false, isEncrypted: Bool = false) throws {
        folder = try Folder()
        port = try Tool.freePort()
        tlsPort = try Tool.freePort()
        admin = try Tool.freePort()
        try folder.write("key", Self.secret)
        let notify = secondary.map { "{ to: \"127.0.0.1:\($0)\", key: transfer.example }" } ?? ""
        let signing = isSigned ? "dnssec: { keys: \"\(folder.path)/keys\" }" : ""
        let tls =
            isEncrypted
            ? "tls: { listen: [\"127.0.0.1:\(tlsPort)\"], certificate: \"\(folder.path)/tls/certificate\", "
                + "key: \"\(folder.path)/tls/key\" }"
            : ""
        try folder.write(
            "portolan.yaml",
            """
            cluster: conformance
            systems:
              local: { manifests: { path: "\(folder.path)/manifests" } }
            dns:
              listen: ["127.0.0.1:\(port)"]
              workers: 1
              \(tls)
              keys:
                transfer.example: { algorithm: hmac-sha256, secret: { file: "\(folder.path)/key" } }
              zones:
                - zone: cluster.local
                  from: [local]
                  reverse: ["10.0.0.0/24"]
                  transfer: { allow: [{ from: "127.0.0.0/8", key: transfer.example }], notify: [\(notify)] }
                  \(signing)
            admin: { listen: "127.0.0.1:\(admin)" }
            """
        )
    }

    /// - Parameter addresses: the last numbers of the changing service's addresses.
    func publish(_ addresses: [Int]) throws {
        func service(_ name: String, _ addresses: [Int]) -> String {
            """
            apiVersion: v1
            kind: Service
            metadata: { name: \(name), namespace: shop }
            spec: { clusterIP: None, ports: [{ name: grpc, port: 8080 }] }
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: { name: \(name)-1, namespace: shop, labels: { kubernetes.io/service-name: \(name) } }
            addressType: IPv4
            ports: [{ name: grpc, port: 8080, protocol: TCP }]
            endpoints:
            \(addresses.map { "- { addresses: [10.0.0.\($0)], conditions: { ready: true } }" }.joined(separator: "\n"))

            """
        }
        let fixed = (0..<20).map { service("fixed-\($0)", [10 * $0 + 1, 10 * $0 + 2, 10 * $0 + 3]) }
        try folder.write("manifests/shop.yaml", (fixed + [service("cart", addresses)]).joined(separator: "---\n"))
    }

    func start() async throws {
        daemon = try Daemon(Portolan.path(), ["run", "--config", configuration], in: folder)
        try await eventually("the zone is answered") { try serial(Self.zones[0], port) != nil }
    }

    func end() { daemon?.end() }

    /// The folder of the keys of a signed zone.
    var keys: String { "\(folder.path)/keys" }
    var configuration: String { "\(folder.path)/portolan.yaml" }

    var log: String { daemon?.log ?? "" }

    func serial(_ zone: String, _ port: UInt16) throws -> String? {
        try Tool.records(zone, "SOA", port: port, in: folder).first?.split(separator: " ").dropFirst(6).first
            .map(String.init)
    }

    /// What DNS over TLS is served with; the program takes a change up by itself.
    func use(_ certificate: PEMText, _ key: PEMText) throws {
        try folder.write("tls/certificate", certificate.text)
        try folder.write("tls/key", key.text)
    }

    /// How often transfers of a zone have ended so.
    func transfers(_ zone: String, _ kind: String) throws -> Int {
        try metric("portolan_dns_transfers_total{zone=\"\(zone)\",kind=\"\(kind)\",result=\"completed\"}")
    }

    /// The value of a series; 0 where it is not there.
    func metric(_ series: String) throws -> Int {
        let text = try Tool.run("curl", ["-s", "http://127.0.0.1:\(admin)/metrics"], in: folder)
        return text.split(separator: "\n").first { $0.hasPrefix(series) }
            .flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }.map { Int($0) } ?? 0
    }
}

/// The program under test.
enum Portolan {
    /// From the folder that PORTOLAN_BINARIES names, else from where the tests were built.
    static func path() throws -> String {
        let folder =
            try ProcessInfo.processInfo.environment["PORTOLAN_BINARIES"]
            ?? (FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") as NSString)
            .deletingLastPathComponent
        let candidates = ["portolan", "PortolanCLI"].map { "\(folder)/\($0)" }
        return try #require(
            candidates.first { FileManager.default.isExecutableFile(atPath: $0) },
            "there is no portolan in \(folder): build it, or set PORTOLAN_BINARIES"
        )
    }
}
