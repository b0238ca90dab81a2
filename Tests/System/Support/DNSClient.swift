import DNSCore
import DNSZones
import Dispatch
import Glibc

/// Asks the bridge over UDP, as any resolver would.
struct DNSClient: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// An answer as a test compares it: records as `TYPE data`, in order of their text.
    struct Answer: Sendable, Equatable {
        var code: ResponseCode
        var answers: [String] = []
        var additionals: [String] = []
        /// The codes of RFC 8914 that came along.
        var extendedErrors: [Int] = []
    }

    private static let threads = DispatchQueue(label: "dns.client", attributes: .concurrent)

    let port: UInt16

    func ask(_ name: String, _ type: RecordType) async throws -> Answer {
        let message = try await withCheckedThrowingContinuation { continuation in
            // Not on the threads of Swift concurrency, which the stand-ins need.
            Self.threads.async { continuation.resume(with: Result { try exchange(name, type) }) }
        }
        func lines(_ records: [ResourceRecord]) -> [String] {
            records.map { "\($0.type.text) \($0.data.text(of: $0.type))" }.sorted()
        }
        return Answer(
            code: message.code,
            answers: lines(message.answers),
            additionals: lines(message.additionals),
            extendedErrors: (message.edns?.options ?? []).filter { $0.code == 15 && $0.data.count >= 2 }
                .map { Int($0.data[0]) << 8 | Int($0.data[1]) }
        )
    }

    /// The IPv4 addresses behind a name, in order of their text.
    func addresses(_ name: String) async throws -> [String] {
        try await ask(name, .a).answers.filter { $0.hasPrefix("A ") }.map { String($0.dropFirst(2)) }
    }

    /// Sends bytes that are no question, and waits for nothing.
    func throwAway(_ bytes: [UInt8], over type: __socket_type) throws {
        let descriptor = socket(AF_INET, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        guard withLoopbackAddress(port, { connect(descriptor, $0, $1) }) == 0 else {
            throw Failure(description: "nothing listens at port \(port): \(String(cString: strerror(errno)))")
        }
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    private func exchange(_ name: String, _ type: RecordType) throws -> Message {
        guard let name = DomainName(name) else { throw Failure(description: "\(name) is no domain name") }
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let isConnected = withLoopbackAddress(port) { connect(descriptor, $0, $1) == 0 }
        let request = Message(
            id: .random(in: .min ... .max),
            questions: [.init(name: name, type: type)],
            edns: .init(udpPayloadSize: 1232)
        ).encoded()
        guard isConnected, send(descriptor, request, request.count, 0) == request.count else {
            throw Failure(description: "no question reaches port \(port): \(String(cString: strerror(errno)))")
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { throw Failure(description: "port \(port) gives no answer to \(name)") }
        return try Message(decoding: Array(buffer[..<count]))
    }
}

func withLoopbackAddress<Result>(
    _ port: UInt16,
    _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
) rethrows -> Result {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = port.bigEndian
    return try withUnsafePointer(to: &address) { pointer in
        try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// A port of loopback, held until this is gone.
final class HeldPort: Sendable {
    let number: UInt16
    private let descriptors: [Int32]

    /// One that is free for TCP and UDP, below those that the kernel gives to outgoing connections.
    static func any() throws -> HeldPort {
        for _ in 0..<1000 {
            if let port = HeldPort(.random(in: 20_000..<32_000)) { return port }
        }
        throw DNSClient.Failure(description: "no port from 20000 to 32000 is free")
    }

    /// One that is free now. Another may take it before it is used.
    static func free() throws -> UInt16 { try any().number }

    private init?(_ number: UInt16) {
        self.number = number
        var descriptors: [Int32] = []
        for type in [SOCK_STREAM, SOCK_DGRAM] {
            let descriptor = socket(AF_INET, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
            descriptors.append(descriptor)
            let isBound = withLoopbackAddress(number) { bind(descriptor, $0, $1) == 0 }
            guard isBound, type == SOCK_DGRAM || listen(descriptor, 1) == 0 else {
                for descriptor in descriptors { close(descriptor) }
                return nil
            }
        }
        self.descriptors = descriptors
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }
}
