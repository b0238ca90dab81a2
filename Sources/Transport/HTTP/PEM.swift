import Glibc

/// Certificates or a key in PEM form (RFC 7468), checked for what a wrong file shows at once.
struct PEM: Sendable, Hashable {
    struct Unusable: Error, Hashable {
        let problem: String
    }

    enum Kind: String {
        case certificate = "CERTIFICATE"
        case privateKey = "PRIVATE KEY"
    }

    let bytes: [UInt8]
    /// What it is and where it comes from, for errors: "the CA certificate in /etc/ca.crt".
    let name: String

    /// Reads and checks `material`; `role` is a noun phrase with its article.
    init(_ material: HTTPClientConfiguration.Material, as kind: Kind, role: String) throws(Unusable) {
        switch material {
        case .pem(let bytes):
            self.bytes = bytes
            name = "\(role) of the configuration"
        case .file(let path):
            name = "\(role) in \(path)"
            bytes = try Self.read(path, name: name)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains("-----BEGIN "), text.contains("\(kind.rawValue)-----") else {
            throw Unusable(problem: "\(name) is no PEM: it holds no BEGIN \(kind.rawValue) line")
        }
        // OpenSSL would ask for the passphrase on the terminal.
        if kind == .privateKey, text.contains("ENCRYPTED") {
            throw Unusable(problem: "\(name) is encrypted: give it without a passphrase")
        }
    }

    private static func read(_ path: String, name: String) throws(Unusable) -> [UInt8] {
        let unreadable = { Unusable(problem: "\(name) cannot be read: \(String(cString: strerror(errno)))") }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable() }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        let pieceSize = 16 << 10
        while true {
            var count = 0
            let piece = [UInt8](unsafeUninitializedCapacity: pieceSize) { buffer, initialized in
                count = Glibc.read(descriptor, buffer.baseAddress, pieceSize)
                initialized = max(count, 0)
            }
            switch count {
            case 0: return bytes
            case 1...: bytes += piece
            default: if errno != EINTR { throw unreadable() }
            }
        }
    }
}
