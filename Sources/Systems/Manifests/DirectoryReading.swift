internal import Glibc

/// What a directory of manifests held at one moment.
package enum DirectoryReading: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        case bytes([UInt8])
        /// Why the file is there but cannot be read.
        case unreadable(String)
    }

    /// By path relative to the directory. A path that ends in "/" is a directory that cannot be read.
    case files([String: Content])
    /// Why the directory cannot be read.
    case unreadable(String)

    /// The largest file that is read, in bytes.
    static let maximumFileSize = 16 << 20
    private static let maximumDepth = 16

    /// Reads all `.yaml`, `.yml` and `.json` files in `directory` and below it. Names that begin with a dot are not
    /// looked at; links are followed. Blocks.
    package init(of directory: String) {
        self = Self.reading(of: directory).reading
    }

    /// Also returns the directories that were looked into, itself first.
    static func reading(of directory: String) -> (reading: DirectoryReading, directories: [String]) {
        var scan = DirectoryScan(root: directory)
        do throws(FileError) {
            try scan.read(directory, prefix: "", depth: 0)
            return (.files(scan.files), scan.directories)
        } catch {
            return (.unreadable("the directory \(directory) cannot be read: \(error)"), [])
        }
    }

    private struct DirectoryScan {
        let root: String
        var files: [String: Content] = [:]
        var directories: [String] = []
        /// Against links that lead in circles.
        var seen: Set<FileIdentity> = []

        mutating func read(_ directory: String, prefix: String, depth: Int) throws(FileError) {
            guard let status = fileStatus(of: directory) else { throw FileError() }
            guard seen.insert(FileIdentity(status)).inserted else { return }
            guard let handle = opendir(directory) else { throw FileError() }
            defer { closedir(handle) }
            directories.append(directory)
            while true {
                errno = 0
                guard let entry = readdir(handle) else {
                    if errno == 0 { return }
                    throw FileError()
                }
                let name = Self.name(of: entry)
                if !name.hasPrefix(".") { readEntry("\(directory)/\(name)", as: "\(prefix)\(name)", depth) }
            }
        }

        private mutating func readEntry(_ path: String, as name: String, _ depth: Int) {
            let isManifest = [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
            guard let status = fileStatus(of: path) else {
                let error = FileError()
                // Gone since it was listed, or a link that leads nowhere.
                if isManifest, isListed(path) { files[name] = .unreadable("the file cannot be read: \(error)") }
                return
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR where depth == maximumDepth:
                files["\(name)/"] = .unreadable("directories are followed \(maximumDepth) levels deep, no deeper")
            case S_IFDIR:
                do throws(FileError) {
                    try read(path, prefix: "\(name)/", depth: depth + 1)
                } catch {
                    files["\(name)/"] = .unreadable("the directory cannot be read: \(error)")
                }
            case S_IFREG where isManifest:
                files[name] = content(of: path)
            default: break
            }
        }

        private func isListed(_ path: String) -> Bool {
            var status = stat()
            return lstat(path, &status) == 0
        }

        private static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
            let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
            return String(cString: UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self))
        }

        private func content(of path: String) -> Content? {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else {
                let error = FileError()
                return error.isAbsence ? nil : .unreadable("the file cannot be read: \(error)")
            }
            defer { close(descriptor) }
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = Glibc.read(descriptor, &chunk, chunk.count)
                if count < 0 {
                    let error = FileError()
                    if error.code == EINTR { continue }
                    return .unreadable("the file cannot be read: \(error)")
                }
                if count == 0 { return .bytes(bytes) }
                bytes += chunk[..<count]
                guard bytes.count <= maximumFileSize else {
                    return .unreadable("the file is larger than \(maximumFileSize) bytes")
                }
            }
        }
    }
}

private struct FileIdentity: Hashable {
    let device: UInt64
    let number: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }
}

private func fileStatus(of path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
}

/// `errno`, taken at once.
private struct FileError: Error, CustomStringConvertible {
    let code = errno

    var isAbsence: Bool { code == ENOENT || code == ENOTDIR }

    var description: String { String(cString: strerror(code)) }
}
