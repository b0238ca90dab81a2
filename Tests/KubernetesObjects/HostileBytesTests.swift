import KubernetesObjects
import Testing

/// Recorded answers, cut and bent: whatever the bytes, the decoders return or throw.
@Suite struct HostileBytesTests {
    /// Feeds `bytes` to everything that reads bytes from a server.
    private static func decodeAsEverything(_ bytes: [UInt8]) {
        for encoding in ObjectEncoding.allCases {
            decode(ServiceObject.self, bytes, encoding)
            decode(EndpointSliceObject.self, bytes, encoding)
            decode(EndpointsObject.self, bytes, encoding)
        }
        _ = KubernetesStatus(httpStatus: 500, body: bytes)
        _ = ManifestContents(json: bytes)
    }

    private static func decode<Object: ReadableObject>(
        _ type: Object.Type,
        _ bytes: [UInt8],
        _ encoding: ObjectEncoding
    ) {
        _ = try? ObjectDecoder<Object>.decodeList(bytes, encoding: encoding)
        _ = try? ObjectDecoder<Object>.decodeObject(bytes, encoding: encoding)
        _ = try? ObjectDecoder<Object>.decodeEvent(bytes, encoding: encoding)
        var framer = WatchFramer(encoding: encoding, limit: 1 << 16)
        framer.append(bytes)
        while let frame = try? framer.next() {
            _ = try? ObjectDecoder<Object>.decodeEvent(frame, encoding: encoding)
        }
    }

    /// Feeds `bytes` to the decoder that reads them furthest. Returns whether it read them to the end.
    @discardableResult
    private static func decode(_ bytes: [UInt8], as name: String, _ encoding: ObjectEncoding) -> Bool {
        if name.contains("endpointslices") { return decode(bytes, as: name, encoding, EndpointSliceObject.self) }
        if name.contains("endpoints") { return decode(bytes, as: name, encoding, EndpointsObject.self) }
        if name.hasPrefix("errors/") {
            _ = KubernetesStatus(httpStatus: 500, body: bytes)
            return false
        }
        return decode(bytes, as: name, encoding, ServiceObject.self)
    }

    private static func decode<Object: ReadableObject>(
        _ bytes: [UInt8],
        as name: String,
        _ encoding: ObjectEncoding,
        _ type: Object.Type
    ) -> Bool {
        if name.hasPrefix("watch/") {
            var framer = WatchFramer(encoding: encoding, limit: 1 << 16)
            framer.append(bytes)
            while let frame = try? framer.next() {
                _ = try? ObjectDecoder<Object>.decodeEvent(frame, encoding: encoding)
            }
            return framer.isAtBoundary
        }
        if name.hasPrefix("lists/") {
            return (try? ObjectDecoder<Object>.decodeList(bytes, encoding: encoding)) != nil
        }
        return (try? ObjectDecoder<Object>.decodeObject(bytes, encoding: encoding)) != nil
    }

    private static func load(_ name: String) throws -> ([UInt8], ObjectEncoding) {
        let body = try Recording(name).body
        let isBinary = body.starts(with: [0x6b, 0x38, 0x73, 0]) || body.first == 0
        return (body, isBinary ? .protobuf : .json)
    }

    @Test("A recorded body cut anywhere does no harm, and an object or list cut anywhere is refused", arguments: all)
    func truncated(name: String) throws {
        let (body, encoding) = try Self.load(name)
        // JSON ends in a line feed, protobuf in two empty fields: without them the object is still whole.
        let needed = encoding == .json ? body.count - 1 : body.count - 4
        for length in 0..<max(0, needed) where Self.decode(Array(body.prefix(length)), as: name, encoding) {
            if !name.hasPrefix("watch/") { Issue.record("read \(length) of \(body.count) bytes as the whole") }
        }
    }

    @Test("A recorded body with any one byte changed does no harm", arguments: all)
    func flipped(name: String) throws {
        var (body, encoding) = try Self.load(name)
        for index in body.indices {
            let original = body[index]
            body[index] ^= [0x01, 0x80, 0xff][index % 3]
            Self.decode(body, as: name, encoding)
            body[index] = original
        }
    }

    /// Those under 4 KB, which is nearly all: what cutting at every byte costs grows with the square of the length.
    private static let all = Recording.all.filter { name in ((try? Recording(name))?.body.count ?? 0) < 4096 }

    @Test("Noise does no harm", arguments: 0..<64 as Range<UInt64>)
    func noise(seed: UInt64) {
        var random = SplitMix64(state: seed)
        for _ in 0..<64 {
            var bytes = (0..<Int.random(in: 0..<256, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            Self.decodeAsEverything(bytes)
            bytes = [0x6b, 0x38, 0x73, 0] + bytes
            Self.decodeAsEverything(bytes)
            let alphabet = Array("{}[]\":,\\untrefals0123456789.-+eE \n".utf8)
            bytes = bytes.map { alphabet[Int($0) % alphabet.count] }
            Self.decodeAsEverything(bytes)
        }
    }

    @Test("Deep nesting is refused, not followed")
    func deep() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let bytes = Array("{\"metadata\":\(String(repeating: open, count: 100_000))1".utf8)
            Self.decodeAsEverything(bytes)
            let closed = "{\"x\":\(String(repeating: open, count: 500))1\(String(repeating: close, count: 500))}"
            let error = #expect(throws: ObjectDecodingError.self) {
                try ObjectDecoder<ServiceObject>.decodeObject(Array(closed.utf8), encoding: .json)
            }
            #expect(error?.reason == .tooDeep)
        }
    }

    @Test("A length of 2^64 - 1 is more than there is")
    func hugeLength() {
        let huge: [UInt8] = [0x12] + Array(repeating: 0xff, count: 9) + [0x01]
        let error = #expect(throws: ObjectDecodingError.self) {
            try ObjectDecoder<ServiceObject>.decodeObject([0x6b, 0x38, 0x73, 0] + huge, encoding: .protobuf)
        }
        #expect(error?.reason == .truncated)
        #expect(error?.offset == 5)
    }
}

/// Repeatable noise.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
