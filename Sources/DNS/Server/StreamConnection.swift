import NIOCore

/// What one TCP or TLS connection does next. Messages come as two octets of length and the message, many on one connection
/// and without waiting for answers (RFC 7766); each is answered in turn, at once, so answers come in order.
struct StreamConnection {
    private enum State {
        /// The peer may send. Exits: `ending` when it has said all or the server stops; `broken` on what is no DNS.
        case open
        /// No more input: what is here in whole is answered, then the connection is closed. No exits.
        case ending
        /// The peer does not speak DNS: the connection is closed. No exits.
        case broken
    }

    enum Step: Equatable {
        /// Answer this message.
        case answer(ByteBuffer)
        /// Hand over what has been written and read on.
        case read
        /// Wait until the peer takes what has been written.
        case waitForPeer
        /// Hand over what has been written and close.
        case close
    }

    private var state = State.open
    private var received = ByteBuffer()

    /// Octets of memory occupied by input that waits.
    var held: Int { received.readableBytes == 0 ? 0 : received.storageCapacity }

    /// Whether the peer sent what is no DNS.
    var isBroken: Bool { state == .broken }

    mutating func receive(_ bytes: inout ByteBuffer) {
        guard state == .open else { return }
        if received.readableBytes == 0 {
            received = bytes
        } else {
            received.discardReadBytes()
            received.writeBuffer(&bytes)
        }
    }

    mutating func endInput() {
        if state == .open { state = .ending }
    }

    /// - Parameter isWritable: false while the peer leaves answers unread. Then its queries wait too, so that one peer holds a
    ///   bounded amount of memory.
    mutating func next(isWritable: Bool) -> Step {
        guard state != .broken else { return .close }
        guard let length = received.getInteger(at: received.readerIndex, as: UInt16.self) else { return wait() }
        guard length >= 12, !isTLSGreeting else {
            state = .broken
            received = ByteBuffer()
            return .close
        }
        guard received.readableBytes >= 2 + Int(length) else { return wait() }
        guard isWritable else { return .waitForPeer }
        received.moveReaderIndex(forwardBy: 2)
        // All of its octets are there.
        return .answer(received.readSlice(length: Int(length)).unsafelyUnwrapped)
    }

    /// There is no whole message.
    private mutating func wait() -> Step {
        guard state == .open else { return .close }
        keepRest()
        return .read
    }

    /// Moves the rest into memory of its own size: it lies in what the socket was read into, which is much larger.
    private mutating func keepRest() {
        let count = received.readableBytes
        if count == 0 {
            received = ByteBuffer()
        } else if received.storageCapacity > max(64, 4 * count) {
            received = ByteBuffer(bytes: received.readableBytesView)
        }
    }

    /// Whether a TLS client speaks: a handshake record with a ClientHello. As DNS that would be a message of 5,635 octets
    /// with an id below 1,280 and the response code 1, which no query has.
    private var isTLSGreeting: Bool {
        let start = received.readerIndex
        guard received.getInteger(at: start, as: UInt16.self) == 0x1603,
            let minor = received.getInteger(at: start + 2, as: UInt8.self), minor <= 4,
            let kind = received.getInteger(at: start + 5, as: UInt8.self)
        else { return false }
        return kind == 1
    }
}
