import Foundation

@testable import Sandbox

/// One exchange recorded from a real kube-apiserver, as the fixtures keep it.
struct Recording: Sendable {
    struct Message: Sendable {
        var headers = HeaderFields()
        var body: [UInt8] = []
    }

    let name: String
    let method: String
    let target: String
    let request: Message
    let status: Int
    let response: Message

    struct Malformed: Error {
        let name: String
    }

    /// `lists/page-1.json`: the path below the fixtures, without `.http`.
    init(_ name: String) throws {
        self.name = name
        let folder = Bundle.module.bundlePath + "/Fixtures/kubernetes/"
        guard let data = FileManager.default.contents(atPath: folder + name + ".http") else {
            throw Malformed(name: name)
        }
        var rest = Array(data)[...]
        func line() -> String {
            let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
            defer { rest = rest[min(end + 1, rest.endIndex)...] }
            return String(decoding: rest[..<end], as: UTF8.self)
        }
        func headers() -> HeaderFields {
            var headers = HeaderFields()
            while case let text = line(), !text.isEmpty {
                let parts = text.split(separator: ":", maxSplits: 1)
                headers.append(String(parts[0]), String(parts[1].dropFirst()))
            }
            return headers
        }
        let requestLine = line().split(separator: " ")
        method = String(requestLine[0])
        target = String(requestLine[1])
        var request = Message(headers: headers())
        if let length = request.headers["Content-Length"].flatMap({ Int($0) }) {
            request.body = Array(rest.prefix(length))
            rest = rest.dropFirst(length + 2)
        }
        self.request = request
        let statusLine = line().split(separator: " ")
        guard statusLine.count > 1, let status = Int(statusLine[1]) else { throw Malformed(name: name) }
        self.status = status
        var response = Message(headers: headers(), body: [])
        response.body = Array(rest)
        if let binary = FileManager.default.contents(atPath: folder + name + ".body.bin") {
            response.body = Array(binary)
        }
        self.response = response
    }

    /// All recordings of a folder, sorted by name.
    static func all(in folder: String) throws -> [String] {
        let path = Bundle.module.bundlePath + "/Fixtures/kubernetes/" + folder
        return try FileManager.default.contentsOfDirectory(atPath: path)
            .filter { $0.hasSuffix(".http") }
            .map { folder + "/" + $0.dropLast(".http".count) }
            .sorted()
    }
}
