import DNSCore
import DNSState
import Foundation
import ServiceCatalog

@testable import DNSTables

/// Writes what fuzzers begin with, a folder for each, out of what the tests hold their code to: `FuzzSeeds TESTS FOLDER`.
/// libFuzzer brings `main`; this is called before it looks at arguments.
@_cdecl("LLVMFuzzerInitialize")
package func write(
    _ argumentCount: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    do {
        let seeds = Seeds(folder: URL(filePath: CommandLine.arguments[2]))
        try seeds.writePackets()
        try seeds.writeState()
        try seeds.writeRecordings(in: URL(filePath: CommandLine.arguments[1]))
        exit(0)
    } catch {
        print(error)
        exit(1)
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_: UnsafePointer<UInt8>?, _: Int) -> CInt { 0 }

private struct Seeds {
    let folder: URL

    private func write(_ bytes: [UInt8], _ name: String, for fuzzers: [String]) throws {
        for fuzzer in fuzzers {
            let place = folder.appending(path: fuzzer)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try Data(bytes).write(to: place.appending(path: name))
        }
    }

    // MARK: - DNS

    func writePackets() throws {
        var stream: [UInt8] = []
        var asker = Asker(ZoneFixture.store())
        for packet in PacketCase.all {
            let name = packet.place.replacing(":", with: "-")
            try write(packet.request, name, for: ["DNSAnswer", "DNSMessage"])
            try write(asker.ask(packet.request, over: .stream), "\(name)-answer", for: ["DNSMessage"])
            stream += [UInt8(packet.request.count >> 8), UInt8(packet.request.count & 0xff)] + packet.request
            if stream.count > 300 {
                try write(stream, name, for: ["DNSStream"])
                stream = []
            }
        }
        for contents in ZoneFixture.zones {
            for (index, change) in contents.changes.enumerated() {
                try write(Array("\(change.owner)".utf8), "\(contents.apex)\(index)", for: ["DomainName"])
            }
        }
    }

    func writeState() throws {
        let port = EndpointPort(name: "grpc", number: 9000, appProtocol: "kubernetes.io/h2c")
        let service = Service(
            key: ServiceKey(namespace: "shop", name: "cart"),
            origin: Origin(cluster: "one", system: "east"),
            kind: .headless,
            settings: ServiceSettings(weight: 7, grpcConfig: "{}"),
            endpoints: [
                Endpoint(host: Host("10.1.0.1"), hostname: "cart-0", targetName: "pod", zone: "a", ports: [port]),
                Endpoint(host: Host("2001:db8::1"), readiness: .draining, ports: [port]),
                Endpoint(host: Host("db.example.com"), attributes: EndpointAttributes(weight: 0)),
            ]
        )
        let file = SystemState.encode([service], lastCurrent: 1, identity: "").file
        try write(file, "system", for: ["DNSState"])
        // Past the head, which the fuzzer makes itself.
        try write(Array(file.dropFirst(24)), "contents", for: ["DNSState"])
        var checkpoint = Checkpoint()
        checkpoint.systems = ["east": .init(checksum: 1, lastCurrent: 2)]
        checkpoint.serials = ["zone.test.": 3]
        try write(Array(checkpoint.encode().dropFirst(24)), "checkpoint", for: ["DNSState"])
    }

    // MARK: - HTTP

    func writeRecordings(in tests: URL) throws {
        for (fixtures, fuzzers) in [
            ("ConsulSystem", ["ConsulAnswers", "JSON"]),
            ("KubernetesClient", ["JSON", "KubernetesStatus", "WatchStream"]),
        ] {
            for (name, exchange) in try recordings(in: tests.appending(path: "\(fixtures)/Fixtures")) {
                try write(exchange.head, name, for: ["ResponseHead"])
                try write(exchange.body, name, for: fuzzers)
            }
        }
        for (name, exchange) in try recordings(in: tests.appending(path: "KubernetesObjects/Fixtures")) {
            try write(exchange.head, name, for: ["ResponseHead"])
            if name.hasPrefix("watch-") {
                try write(exchange.body, name, for: ["WatchStream"])
            } else if name.hasPrefix("errors-") {
                try write(exchange.body, name, for: ["KubernetesStatus", "JSON"])
            } else if exchange.body.starts(with: [0x6b, 0x38, 0x73, 0]) {
                try write(exchange.body, name, for: ["KubernetesProtobuf"])
                if let message = message(in: exchange.body) {
                    try write(message, "\(name)-message", for: ["KubernetesProtobuf"])
                }
            } else {
                try write(exchange.body, name, for: ["KubernetesJSON", "JSON", "ZoneProjection", "ConsulProjection"])
            }
        }
    }

    /// Those small enough to be worth changing a bit of.
    private func recordings(in fixtures: URL) throws -> [(name: String, exchange: Exchange)] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: fixtures.path).filter { $0.hasSuffix(".http") }
        return try paths.map { path in
            let stem = String(path.dropLast(".http".count))
            return (stem.replacing("/", with: "-"), try Exchange(fixtures.appending(path: stem)))
        }
        .filter { $0.exchange.body.count < 6_144 }
    }

    /// The message within a short envelope: what the last length-delimited field with the number 2 holds.
    private func message(in envelope: [UInt8]) -> [UInt8]? {
        var offset = 4
        while offset + 1 < envelope.count {
            let key = envelope[offset]
            var length = 0
            var shift = 0
            repeat {
                offset += 1
                guard offset < envelope.count else { return nil }
                length |= Int(envelope[offset] & 0x7f) << shift
                shift += 7
            } while envelope[offset] >= 0x80
            offset += 1
            guard key & 7 == 2, offset + length <= envelope.count else { return nil }
            if key == 2 << 3 | 2 { return Array(envelope[offset..<(offset + length)]) }
            offset += length
        }
        return nil
    }
}

/// The answer of a recorded exchange: `NAME.http`, and `NAME.body.bin` where the body is no text.
private struct Exchange {
    let head: [UInt8]
    let body: [UInt8]

    init(_ stem: URL) throws {
        let bytes = [UInt8](try Data(contentsOf: stem.appendingPathExtension("http")))
        // The request's head and body come first, and whatever begins with HTTP/ at the start of a line is the answer.
        let marker = Array("\nHTTP/".utf8)
        let start = bytes.indices.first { bytes[$0...].starts(with: marker) }.map { $0 + 1 } ?? 0
        let end = bytes.indices.dropFirst(start).first { bytes[$0...].starts(with: [0x0a, 0x0a]) } ?? bytes.endIndex
        // As it stands on the wire.
        head = bytes[start..<end].split(separator: 0x0a).flatMap { $0 + [0x0d, 0x0a] } + [0x0d, 0x0a]
        let binary = stem.appendingPathExtension("body.bin")
        body =
            FileManager.default.fileExists(atPath: binary.path)
            ? [UInt8](try Data(contentsOf: binary)) : Array(bytes.dropFirst(end + 2))
    }
}
