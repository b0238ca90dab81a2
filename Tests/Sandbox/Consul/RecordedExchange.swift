import Foundation

@testable import Sandbox

/// One file of `Fixtures/consul-1.10`: what was asked, and what the real server answered.
struct RecordedExchange {
    /// Folder and name, such as "txn/cas-ok".
    let name: String
    let method: String
    let target: String
    let requestHeaders: HeaderFields
    /// `nil` when the request said nothing of a body.
    let requestBody: [UInt8]?
    let status: Int
    let headers: HeaderFields
    let body: [UInt8]

    init(_ name: String) throws {
        self.name = name
        let bytes = try Array(Data(contentsOf: Self.folder.appending(path: "\(name).http")))
        var rest = bytes[...]
        let request = Self.head(&rest)
        let requestLine = request[0].split(separator: " ")
        method = String(requestLine[0])
        target = String(requestLine[1])
        requestHeaders = Self.fields(request.dropFirst())
        if let length = requestHeaders["Content-Length"].flatMap({ Int($0) }) {
            requestBody = Array(rest.prefix(length))
            rest = rest.dropFirst(length + 2)
        } else {
            requestBody = nil
        }
        let response = Self.head(&rest)
        status = Int(response[0].split(separator: " ")[1]) ?? 0
        headers = Self.fields(response.dropFirst())
        body = Array(rest)
    }

    static var folder: URL {
        get throws {
            guard let resources = Bundle.module.resourceURL else { throw CocoaError(.fileNoSuchFile) }
            return resources.appending(path: "Fixtures/consul-1.10")
        }
    }

    /// All names, in no order.
    static func all() throws -> Set<String> {
        var names: Set<String> = []
        for folder in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path) {
            for file in try FileManager.default.contentsOfDirectory(atPath: Self.folder.appending(path: folder).path)
            where file.hasSuffix(".http") {
                names.insert("\(folder)/\(file.dropLast(5))")
            }
        }
        return names
    }

    private static func head(_ rest: inout ArraySlice<UInt8>) -> [String] {
        var lines: [String] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            if line.isEmpty { break }
            lines.append(String(decoding: line, as: UTF8.self))
        }
        return lines
    }

    private static func fields(_ lines: ArraySlice<String>) -> HeaderFields {
        var fields = HeaderFields()
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields.append(String(parts[0]), parts.count > 1 ? String(parts[1].dropFirst()) : "")
        }
        return fields
    }
}
