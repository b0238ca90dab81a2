import Foundation
import HTTPTransport

/// An exchange recorded from a real Consul 1.10.
struct Recording {
    let response: HTTPResponse

    init(_ name: String) throws {
        let url = Bundle.module.bundleURL.appendingPathComponent("Fixtures/\(name).http")
        var rest = try Data(contentsOf: url)[...]
        func line() -> String {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            defer { rest = rest[min(end + 1, rest.endIndex)...] }
            return String(decoding: rest[..<end], as: UTF8.self)
        }
        func headers() -> HTTPHeaders {
            var headers: HTTPHeaders = [:]
            while case let text = line(), let colon = text.firstIndex(of: ":") {
                headers.append(String(text[..<colon]), String(text[colon...].dropFirst(2)))
            }
            return headers
        }
        _ = line()
        if let length = headers()["Content-Length"].flatMap({ Int($0) }) { rest = rest.dropFirst(length + 2) }
        let status = Int(line().split(separator: " ")[1]) ?? 0
        let head = headers()
        response = HTTPResponse(status: status, headers: head, body: Array(rest))
    }

    var body: [UInt8] { response.body }
}
