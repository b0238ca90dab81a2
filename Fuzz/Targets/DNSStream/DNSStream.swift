import FuzzSupport
import NIOCore

@testable import DNSServer

/// Any octets as what a peer sends over TCP, in any pieces, to a server that cannot always write.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    var draws = InputDraws(from: bytes)
    var peer = Peer()
    for piece in draws.pieces(of: bytes) {
        peer.send(piece)
        peer.proceed(&draws)
    }
    peer.end(&draws)
    require(peer.messages == messages(in: bytes), "messages come out as they were sent, however they were cut")
    return 0
}

private struct Peer {
    private var connection = StreamConnection()
    private(set) var messages: [[UInt8]] = []
    private var isClosed = false

    mutating func send(_ piece: [UInt8]) {
        var buffer = ByteBuffer(bytes: piece)
        if !isClosed { connection.receive(&buffer) }
    }

    /// Until the connection wants more octets, now and then unable to write.
    mutating func proceed(_ draws: inout InputDraws) {
        while !isClosed {
            let isWritable = Int.random(in: 0..<4, using: &draws) > 0
            switch connection.next(isWritable: isWritable) {
            case .answer(let message):
                require(isWritable, "nothing is answered that cannot be written")
                require(message.readableBytes >= 12, "what is answered has a header")
                messages.append(Array(buffer: message))
            case .read:
                return
            case .waitForPeer:
                require(!isWritable, "only what cannot be written waits")
            case .close:
                isClosed = true
            }
        }
    }

    mutating func end(_ draws: inout InputDraws) {
        connection.endInput()
        proceed(&draws)
        require(isClosed, "a connection that has ended is closed")
        require(connection.next(isWritable: true) == .close, "and stays so")
    }
}

/// RFC 7766 section 8 in the plainest form; the greeting of a TLS client ends it.
private func messages(in bytes: [UInt8]) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    var rest = bytes[...]
    while rest.count >= 2 {
        let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
        guard length >= 12, rest.count >= 2 + length else { break }
        let head = Array(rest.prefix(6))
        if length == 0x1603, head[2] <= 4, head[5] == 1 { break }
        messages.append(Array(rest.dropFirst(2).prefix(length)))
        rest = rest.dropFirst(2 + length)
    }
    return messages
}
