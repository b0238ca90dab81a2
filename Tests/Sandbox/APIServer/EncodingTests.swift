import Testing

@testable import Sandbox

/// JSON and protobuf of the same object, byte for byte as the real server wrote them.
@Suite("object encodings")
struct EncodingTests {
    private static let pairs = [
        "services/clusterip.get", "services/headless.get", "services/headless-no-ports.get", "services/nodeport.get",
        "services/loadbalancer.get", "services/externalname.get", "services/no-selector.get",
        "services/several-ports.get", "services/annotated.get", "services/dual-require.get", "services/ipv6-only.get",
        "endpointslices/ipv4-ready.get", "endpointslices/terminating.get", "endpointslices/hostnames.get",
        "endpointslices/hints.get", "endpointslices/ipv6.get", "endpointslices/fqdn.get",
        "endpointslices/several-ports.get", "endpointslices/no-ports.get", "endpointslices/unnamed-port.get",
        "endpointslices/no-endpoints.get", "endpointslices/null-endpoints.get", "endpointslices/two-addresses.get",
        "endpoints/clusterip.get", "endpoints/several-ports.get", "endpoints/headless-no-ports.get",
        "endpoints/no-selector.get", "lease/get", "lists/namespace.get",
    ]

    @Test("the recorded JSON becomes the recorded protobuf, and the protobuf the JSON", arguments: pairs)
    func pair(_ name: String) throws {
        let json = try Recording("\(name).json").response.body
        let protobuf = try Recording("\(name).proto").response.body
        var object = try JSON(parsing: json)
        let kind = try #require(object["kind"]?.string)
        let apiVersion = try #require(object["apiVersion"]?.string)
        let schema = Shape.schema(kind, apiVersion)
        object["kind"] = nil
        object["apiVersion"] = nil
        let canonical = try schema.canonical(object, dropsEmptyLists: true)
        #expect(canonical.unknownFields == [])
        let written = Negotiation(format: .protobuf).encode(
            canonical.object,
            kind: kind,
            apiVersion: apiVersion,
            schema: schema
        )
        #expect(written == protobuf)
        let (type, message) = try ProtobufEnvelope.open(protobuf.dropFirst(4))
        #expect(type == ProtobufEnvelope.TypeMeta(apiVersion: apiVersion, kind: kind))
        let read = try schema.canonical(try schema.object(protobuf: message), dropsEmptyLists: true).object
        let text = Negotiation.json.encode(read, kind: kind, apiVersion: apiVersion, schema: schema)
        #expect(String(decoding: text, as: UTF8.self) == String(decoding: json, as: UTF8.self))
    }

    @Test("a truncated message is refused wherever it is cut inside a field")
    func truncated() throws {
        let (_, message) = try ProtobufEnvelope.open(
            try Recording("endpointslices/ipv4-ready.get.proto").response.body.dropFirst(4)
        )
        // Between two top-level fields the rest is a message of its own.
        #expect(throws: ProtobufError.self) { try Schemas.endpointSlice.object(protobuf: message.dropLast()) }
        for count in 1..<40 {
            #expect(throws: ProtobufError.self) { try Schemas.endpointSlice.object(protobuf: message.prefix(count)) }
        }
    }

    @Test("a body is cut into chunks as Go's server cuts it")
    func chunks() {
        func sizes(_ pieces: [Int]) -> [Int] {
            BufferedChunks.cut(pieces.map { [UInt8](repeating: 1, count: $0) }).map(\.count)
        }
        #expect(sizes([100, 200]) == [300])
        #expect(sizes([1000, 1000, 1000]) == [2048, 952])
        #expect(sizes([5000]) == [5000])
        #expect(sizes([10, 5000]) == [2048, 2962])
        #expect(sizes([]) == [])
    }

    @Test(
        "ages are shown as kubectl shows them",
        arguments: [
            (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"), (600, "10m"), (10_799, "179m"),
            (10_800, "3h"), (11_100, "3h5m"), (28_800, "8h"), (172_800, "2d"), (180_000, "2d2h"), (691_200, "8d"),
            (63_072_000, "2y"), (-5, "0s"),
        ] as [(Int64, String)]
    )
    func ages(_ seconds: Int64, _ text: String) {
        #expect(humanDuration(seconds) == text)
    }

    @Test(
        "times are read with any fraction and offset, and refused when they are none",
        arguments: [
            ("2026-11-22T14:40:00Z", "2026-11-22T14:40:00.000000Z"),
            ("2026-11-22T14:40:00.5Z", "2026-11-22T14:40:00.500000Z"),
            ("2026-11-22T16:40:00.123456789+02:00", "2026-11-22T14:40:00.123456Z"), ("2026-11-22", nil), ("soon", nil),
            ("2026-13-22T14:40:00Z", nil), ("2026-11-22T14:40:00", nil), ("2026-11-22T14:40:00.Z", nil),
        ] as [(String, String?)]
    )
    func times(_ text: String, _ micro: String?) {
        #expect(Timestamp(text)?.microText == micro)
    }
}
