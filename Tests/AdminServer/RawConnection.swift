import Dispatch
import Glibc

/// A TCP connection over which a test sends what no proper client would.
final class RawConnection: Sendable {
    struct Failure: Error {
        let code: Int32
    }

    private static let threads = DispatchQueue(label: "raw connection", attributes: .concurrent)

    private let descriptor: Int32

    /// To a port of 127.0.0.1.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(code: errno) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw Failure(code: errno) }
    }

    deinit { close(descriptor) }

    /// What the peer does not take any more is dropped.
    func send(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Everything until the peer closes the connection.
    func receiveAll() async -> String {
        let descriptor = descriptor
        let bytes = await withCheckedContinuation { continuation in
            Self.threads.async {
                var bytes: [UInt8] = []
                var chunk = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = recv(descriptor, &chunk, chunk.count, 0)
                    guard count > 0 else { break }
                    bytes += chunk[..<count]
                }
                continuation.resume(returning: bytes)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
