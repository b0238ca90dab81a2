import Foundation

/// One recorded exchange with a real kube-apiserver 1.36: what it answered, byte for byte.
struct Recording: CustomStringConvertible {
    let name: String
    let status: Int
    let body: [UInt8]

    var description: String { name }

    private static let root = Bundle.module.resourceURL!.appendingPathComponent("Fixtures")

    init(_ name: String) throws {
        self.name = name
        let text = [UInt8](try Data(contentsOf: Self.root.appendingPathComponent("\(name).http")))
        var rest = text[...]
        func line() -> String {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            defer { rest = rest[min(end + 1, rest.endIndex)...] }
            return String(decoding: rest[..<end], as: UTF8.self)
        }
        var requestLength: Int?
        while case let header = line(), !header.isEmpty {
            if header.hasPrefix("Content-Length: ") { requestLength = Int(header.dropFirst(16)) }
        }
        if let requestLength { rest = rest.dropFirst(requestLength + 2) }
        status = Int(line().split(separator: " ")[1])!
        while !line().isEmpty {}
        let binary = Self.root.appendingPathComponent("\(name).body.bin")
        let hasBinary = FileManager.default.fileExists(atPath: binary.path)
        body = hasBinary ? [UInt8](try Data(contentsOf: binary)) : Array(rest)
    }

    /// The names in a folder with this ending, without it, sorted.
    static func names(in folder: String, ending: String) -> [String] {
        let files =
            (try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path)) ?? []
        return files.filter { $0.hasSuffix(ending) }.map { "\(folder)/\($0.dropLast(ending.count))" }.sorted()
    }

    /// Recorded once as JSON and once as protobuf, at the same version.
    static func pairs(in folder: String) -> [String] {
        names(in: folder, ending: ".json.http").filter {
            FileManager.default.fileExists(atPath: root.appendingPathComponent("\($0).proto.http").path)
        }
    }

    static let all: [String] = ["services", "endpointslices", "endpoints", "lists", "watch", "errors"]
        .flatMap { names(in: $0, ending: ".http") }
}
