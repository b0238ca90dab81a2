import NIOCore

/// What one TCP connection does next. Messages come as two octets of length and the message, many on one connection and
/// without waiting for answers (RFC 7766); each is answered in turn, at once, so answers come in order.
struct StreamConnection {
    private enum State {
        /// The peer may send. Exits: `ending` when it has said all or the server stops; `broken` on a bad length.
        case open
        /// No more input: what is here in whole is answered, then the connection is closed. No exits.
        case ending
        /// The peer does not speak DNS: the connection is closed at once. No exits.
        case broken
    }

    enum Step: Equatable {
        /// Answer this message.
        case answer(ByteBuffer)
        /// Hand over what has been written and read on.
        case read
        /// Hand over what has been written and wait until the peer takes it.
        case waitForPeer
        /// Hand over what has been written and close.
        case close
    }

    private var state = State.open
    private var received = ByteBuffer()

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

    /// - Parameter isWritable: false while the peer leaves too many answers unread. Then its queries wait too, so that one
    ///   peer holds a bounded amount of memory.
    mutating func next(isWritable: Bool) -> Step {
        guard state != .broken else { return .close }
        guard let length = received.getInteger(at: received.readerIndex, as: UInt16.self) else {
            return state == .open ? .read : .close
        }
        guard length >= 12 else {
            state = .broken
            return .close
        }
        guard received.readableBytes >= 2 + Int(length) else { return state == .open ? .read : .close }
        guard isWritable else { return .waitForPeer }
        received.moveReaderIndex(forwardBy: 2)
        // All of its octets are there.
        return .answer(received.readSlice(length: Int(length)).unsafelyUnwrapped)
    }
}
