internal import Glibc
internal import PortolanConfiguration

extension Secret {
    private static let sizeLimit = 64 * 1024

    /// The secret as it stands now, without white space around it; `nil` when it is not there.
    var value: String? {
        let text: String?
        switch self {
        case .environment(let name): text = getenv(name).map { String(cString: $0) }
        case .file(let path): text = Self.contents(of: path)
        }
        guard let text else { return nil }
        let start = text.firstIndex { !$0.isWhitespace } ?? text.endIndex
        let end = text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? text.endIndex
        return start < end ? String(text[start..<end]) : nil
    }

    /// Where the secret is looked for, in a message.
    var place: String {
        switch self {
        case .environment(let name): "the environment variable \(name)"
        case .file(let path): "the file \(path)"
        }
    }

    private static func contents(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: sizeLimit)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(validating: bytes[..<count], as: UTF8.self)
    }
}
