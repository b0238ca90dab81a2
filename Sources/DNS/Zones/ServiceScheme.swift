import DNSCore
import ServiceCatalog

/// What `appProtocol` says of a port, where SVCB records can say it too.
enum ServiceScheme: UInt8, CaseIterable {
    case http
    case h2c
    case https
    case grpc
    case ws
    case wss

    /// `nil` for a protocol that is not known, and for one that is not spoken over TCP here.
    init?(appProtocol: String?, _ transport: TransportProtocol) {
        guard transport == .tcp else { return nil }
        switch appProtocol {
        case "http": self = .http
        case "kubernetes.io/h2c", "h2c": self = .h2c
        case "https": self = .https
        case "grpc": self = .grpc
        case "kubernetes.io/ws", "ws": self = .ws
        case "kubernetes.io/wss", "wss": self = .wss
        default: return nil
        }
    }

    /// The label before a service's name that lists its ports of this scheme (RFC 9460 section 2.3).
    var label: String {
        switch self {
        case .http, .h2c: "_http"
        case .https: "_https"
        case .grpc: "_grpc"
        case .ws: "_ws"
        case .wss: "_wss"
        }
    }

    /// The ALPN protocol id of what is spoken there.
    var alpn: [UInt8] {
        switch self {
        case .http, .https, .ws, .wss: Array("http/1.1".utf8)
        case .h2c: Array("h2c".utf8)
        case .grpc: Array("h2".utf8)
        }
    }

    static let labels = ["_http", "_https", "_grpc", "_ws", "_wss"]
}
