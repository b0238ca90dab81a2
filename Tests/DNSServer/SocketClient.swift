import DNSCore
import Glibc
import ServiceCatalog

@testable import DNSServer

/// A blocking socket of the other side, which gives up after five seconds.
struct SocketClient: ~Copyable {
    struct Failure: Error {
        var call: String
        var number = errno
    }

    private let descriptor: Int32

    /// Connected, so that only answers from exactly this address arrive.
    init(_ server: ListenAddress, _ transport: ServerTransport) throws {
        let kind = transport == .udp ? SOCK_DGRAM.rawValue : SOCK_STREAM.rawValue
        descriptor = socket(server.address.isIPv4 ? AF_INET : AF_INET6, Int32(kind), 0)
        guard descriptor >= 0 else { throw Failure(call: "socket") }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout.size(ofValue: limit)))
        }
        // Octet by octet: beside NIO the fields of sockaddr_in belong to a module that cannot be imported.
        let family = UInt16(server.address.isIPv4 ? AF_INET : AF_INET6)
        var peer = withUnsafeBytes(of: family) { Array($0) } + [UInt8(server.port >> 8), UInt8(server.port & 0xff)]
        peer += server.address.isIPv4 ? [] : [0, 0, 0, 0]
        peer += server.address.octets + [UInt8](repeating: 0, count: 8)
        let length = socklen_t(server.address.isIPv4 ? 16 : 28)
        let result = peer.withUnsafeBytes { peer in
            Glibc.connect(descriptor, peer.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
        }
        guard result == 0 else { throw Failure(call: "connect") }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        repeat {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count >= 0 else { throw Failure(call: "send") }
            rest = rest.dropFirst(count)
        } while !rest.isEmpty
    }

    /// What comes next, of a datagram all; empty at the end of a stream.
    func receive(upTo capacity: Int = 65_535) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: capacity)
        let count = recv(descriptor, &bytes, capacity, 0)
        guard count >= 0 else { throw Failure(call: "recv") }
        return Array(bytes[..<count])
    }

    func endOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

    // MARK: - Messages

    func ask(_ query: Message) throws -> Message {
        try send(query.encoded())
        return try Message(decoding: receive())
    }

    func sendFramed(_ query: Message) throws { try send(query.framed) }

    /// The next message of a stream; `nil` at its end.
    func receiveFramed() throws -> Message? {
        try receiveFramedOctets().map { octets throws in try Message(decoding: octets) }
    }

    func receiveFramedOctets() throws -> [UInt8]? {
        guard let head = try receiveExactly(2) else { return nil }
        guard let octets = try receiveExactly(Int(head[0]) << 8 | Int(head[1])) else {
            throw Failure(call: "end in message")
        }
        return octets
    }

    private func receiveExactly(_ count: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try receive(upTo: count - bytes.count)
            if more.isEmpty { return nil }
            bytes += more
        }
        return bytes
    }
}

extension Message {
    static func query(_ name: String, _ type: RecordType, id: UInt16 = 1) -> Message {
        Message(id: id, questions: [.init(name: DomainName(name)!, type: type)])
    }

    /// With its length before it, as on a stream.
    var framed: [UInt8] {
        let bytes = encoded()
        return [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes
    }
}
