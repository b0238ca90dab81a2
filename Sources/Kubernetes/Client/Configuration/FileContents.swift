import Glibc

/// A file that could not be read.
struct FileFailure: Error, Hashable {
    let path: String
    /// What the system says: "No such file or directory".
    let reason: String
    let isAbsent: Bool
}

/// Reads a file whole.
///
/// - Parameter limit: a larger file is refused; nothing read here is large.
func readFile(_ path: String, limit: Int = 4 << 20) throws(FileFailure) -> [UInt8] {
    func failure(_ code: Int32 = errno) -> FileFailure {
        FileFailure(path: path, reason: String(cString: strerror(code)), isAbsent: code == ENOENT || code == ENOTDIR)
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw failure() }
        if count == 0 { return contents }
        contents.append(contentsOf: chunk[..<count])
        guard contents.count <= limit else { throw failure(EFBIG) }
    }
}

/// `path` as seen from the folder that holds `file`.
func resolve(_ path: String, besideFile file: String) -> String {
    guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
    return file[...slash] + path
}
