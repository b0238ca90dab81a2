import DNSCore
import Glibc

/// Asks the bridge over UDP, as any resolver would.
struct DNSClient: Sendable {
    let port: UInt16

    /// One question, one answer, over a socket of its own. Blocks for at most half a second.
    func ask(_ name: String, _ type: RecordType) throws -> Message {
        guard let name = DomainName(name) else { throw DemoFailure("\(name) is no domain name") }
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw DemoFailure("no socket: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 0, tv_usec: 500_000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw DemoFailure("no DNS at port \(port): \(String(cString: strerror(errno)))") }
        let request = Message(
            id: .random(in: .min ... .max),
            questions: [.init(name: name, type: type)],
            edns: .init(udpPayloadSize: 1232)
        ).encoded()
        guard send(descriptor, request, request.count, 0) == request.count else {
            throw DemoFailure("DNS at port \(port) takes no question: \(String(cString: strerror(errno)))")
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { throw DemoFailure("DNS at port \(port) gives no answer to \(name)") }
        return try Message(decoding: Array(buffer[..<count]))
    }

    /// The addresses behind a name, sorted as text.
    func addresses(_ name: String) throws -> [String] {
        try ask(name, .a).answers.compactMap { record in
            guard case .a(let address) = record.data else { return nil }
            return "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
        }.sorted()
    }
}
