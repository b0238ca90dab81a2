import KubernetesObjects
import Testing

@Suite struct WatchFramerTests {
    private static let lines = ["{\"a\":1}", "", "x", String(repeating: "y", count: 5000), "\r", "last"]

    private static func stream(_ encoding: ObjectEncoding) -> [UInt8] {
        lines.flatMap { line -> [UInt8] in
            let bytes = Array(line.utf8)
            return switch encoding {
            case .json: bytes + [UInt8(ascii: "\n")]
            case .protobuf: (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (24 - 8 * $0)) } + bytes
            }
        }
    }

    @Test("Frames come whole, wherever the chunks end", arguments: ObjectEncoding.allCases)
    func chunks(encoding: ObjectEncoding) throws {
        let stream = Self.stream(encoding)
        let expected = encoding == .json ? Self.lines.filter { !$0.isEmpty && $0 != "\r" } : Self.lines
        for size in [1, 2, 3, 5, 17, 2048, 4999, 5004, stream.count] {
            var framer = WatchFramer(encoding: encoding)
            var frames: [String] = []
            for start in Swift.stride(from: 0, to: stream.count, by: size) {
                framer.append(Array(stream[start..<min(start + size, stream.count)]))
                while let frame = try framer.next() { frames.append(String(decoding: frame, as: UTF8.self)) }
            }
            #expect(frames == expected, "chunks of \(size)")
            #expect(framer.isAtBoundary)
        }
    }

    @Test("A stream that ends inside a frame is not at a boundary", arguments: ObjectEncoding.allCases)
    func cutOff(encoding: ObjectEncoding) throws {
        var framer = WatchFramer(encoding: encoding)
        #expect(framer.isAtBoundary)
        framer.append(Array(Self.stream(encoding).dropLast()))
        while try framer.next() != nil {}
        #expect(!framer.isAtBoundary)
    }

    @Test("A frame of the limit passes, one byte more does not", arguments: ObjectEncoding.allCases)
    func limit(encoding: ObjectEncoding) throws {
        func frame(_ count: Int) -> [UInt8] {
            let bytes = [UInt8](repeating: UInt8(ascii: "z"), count: count)
            return encoding == .json ? bytes + [10] : [0, 0, 0, UInt8(count)] + bytes
        }
        var framer = WatchFramer(encoding: encoding, limit: 10)
        framer.append(frame(10))
        #expect(try framer.next()?.count == 10)
        framer.append(frame(11))
        #expect(throws: WatchFramer.FrameTooLong(limit: 10)) { try framer.next() }
        #expect(throws: WatchFramer.FrameTooLong(limit: 10), "and it stays so") { try framer.next() }
    }

    @Test("A frame that is too long is refused before it is whole", arguments: ObjectEncoding.allCases)
    func limitEarly(encoding: ObjectEncoding) {
        var framer = WatchFramer(encoding: encoding, limit: 10)
        framer.append(encoding == .json ? [UInt8](repeating: 0x7a, count: 11) : [0xff, 0xff, 0xff, 0xff])
        #expect(throws: WatchFramer.FrameTooLong(limit: 10)) { try framer.next() }
    }
}
