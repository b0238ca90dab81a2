import Foundation
import HTTPTransport
import KubernetesScripts
import Testing

/// An exchange recorded from a real API server: `Fixtures/NAME.http`, a binary body beside it.
struct RecordedExchange {
    /// Method and target.
    let request: String
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    init(_ name: String) throws {
        let folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures")
        let bytes = try Data(contentsOf: folder.appending(path: "\(name).http"))
        let binary = try? Data(contentsOf: folder.appending(path: "\(name).body.bin"))

        var lines = Lines(bytes)
        let requestLine = lines.next()!.split(separator: " ")
        request = "\(requestLine[0]) \(requestLine[1])"
        var length = 0
        while let line = lines.next(), !line.isEmpty {
            if line.hasPrefix("Content-Length: ") { length = Int(line.dropFirst(16))! }
        }
        if length > 0 { lines.skip(length + 2) }
        status = Int(lines.next()!.split(separator: " ")[1])!
        var headers = HTTPHeaders()
        while let line = lines.next(), !line.isEmpty {
            let colon = line.firstIndex(of: ":")!
            headers.append(
                String(line[..<colon]),
                line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            )
        }
        self.headers = headers
        body = binary.map { [UInt8]($0) } ?? lines.rest
    }

    var response: HTTPResponse { HTTPResponse(status: status, headers: headers, body: body) }
    var head: HTTPResponseHead { HTTPResponseHead(status: status, headers: headers) }
}

private struct Lines {
    private let bytes: Data
    private var index: Data.Index

    init(_ bytes: Data) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    mutating func next() -> String? {
        guard index < bytes.endIndex else { return nil }
        let end = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
        defer { index = min(end + 1, bytes.endIndex) }
        return String(decoding: bytes[index..<end], as: UTF8.self)
    }

    mutating func skip(_ count: Int) { index += count }

    var rest: [UInt8] { [UInt8](bytes[index...]) }
}

extension ScriptedStream {
    /// The recorded answer, its body in the sizes given and the rest as one piece; then open still.
    convenience init(_ exchange: RecordedExchange, pieces sizes: [Int] = []) {
        var chunks: [[UInt8]] = []
        var rest = exchange.body[...]
        for size in sizes {
            chunks.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        self.init(status: exchange.status, headers: exchange.headers, chunks: chunks + [Array(rest)])
    }
}
