/// Cuts the bytes of a watch into frames: JSON at each line feed, protobuf by its four-byte lengths. Chunks may end
/// anywhere. No byte is looked at twice for want of more, however small the chunks are.
package struct WatchFramer: Sendable {
    /// A frame is longer than allowed. The stream cannot be read on.
    package struct FrameTooLong: Error, Hashable, Sendable, CustomStringConvertible {
        /// In bytes.
        package let limit: Int

        package init(limit: Int) { self.limit = limit }

        package var description: String { "the server sent a watch event longer than \(limit) bytes" }
    }

    package static let defaultLimit = 64 << 20

    private let encoding: ObjectEncoding
    private let limit: Int
    private var buffer: [UInt8] = []
    /// Where the frame under way begins.
    private var start = 0
    /// Up to where line feeds were looked for.
    private var scanned = 0

    /// - Parameter limit: the longest frame, in bytes.
    package init(encoding: ObjectEncoding, limit: Int = WatchFramer.defaultLimit) {
        self.encoding = encoding
        self.limit = limit
    }

    /// Whether the bytes so far end with a whole frame. A stream that ends elsewhere was cut off.
    package var isAtBoundary: Bool { start == buffer.count }

    package mutating func append(_ bytes: [UInt8]) {
        if start == buffer.count {
            buffer = bytes
            scanned = 0
            start = 0
            return
        }
        // Moving the rest costs no more than what was consumed since the last move.
        if start > buffer.count / 2 {
            buffer.removeSubrange(..<start)
            scanned -= start
            start = 0
        }
        buffer += bytes
    }

    /// The next whole frame, without line feed or length; `nil` until more bytes have come. Empty lines are no frames.
    package mutating func next() throws(FrameTooLong) -> [UInt8]? {
        switch encoding {
        case .json: try nextLine()
        case .protobuf: try nextCounted()
        }
    }

    private mutating func nextLine() throws(FrameTooLong) -> [UInt8]? {
        while let end = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = start..<end
            guard line.count <= limit else { throw FrameTooLong(limit: limit) }
            start = end + 1
            scanned = start
            if buffer[line].contains(where: { $0 != UInt8(ascii: "\r") }) { return Array(buffer[line]) }
        }
        scanned = buffer.count
        guard scanned - start <= limit else { throw FrameTooLong(limit: limit) }
        return nil
    }

    private mutating func nextCounted() throws(FrameTooLong) -> [UInt8]? {
        guard buffer.count - start >= 4 else { return nil }
        let length = buffer[start..<(start + 4)].reduce(0) { $0 << 8 | Int($1) }
        guard length <= limit else { throw FrameTooLong(limit: limit) }
        guard buffer.count - start - 4 >= length else { return nil }
        let frame = (start + 4)..<(start + 4 + length)
        start = frame.upperBound
        scanned = start
        return Array(buffer[frame])
    }
}
