internal import Glibc
internal import Synchronization

/// A directory of state files. Any number of processes may read it; the one that holds its lock writes.
///
/// Its calls wait for the disk: they belong on a thread of their own.
package final class StateDirectory: Sendable {
    /// A state of 1,000,000 endpoints has 50 MB; more than this is not one.
    private static let sizeLimit = 1 << 30
    private static let lockName = "lock"

    package let path: String
    /// The descriptor that holds the lock.
    private let lock = Mutex<Int32?>(nil)

    package init(path: String) { self.path = path }

    deinit {
        if let descriptor = lock.withLock({ $0 }) { close(descriptor) }
    }

    /// The contents of a file; `nil` when there is none.
    package func read(_ name: String) throws(StateFileError) -> [UInt8]? {
        let descriptor = open("\(path)/\(name)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .unreadable(Self.reason)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(Self.reason) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable("it is not a file") }
        guard status.st_size <= Self.sizeLimit else { throw .foreign }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count)
            }
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw .unreadable(Self.reason) }
            guard read > 0 else { throw .truncated }
            count += read
        }
        return bytes
    }

    /// Puts a file in place of the one of that name: a reader, and a machine that comes back after a loss of power, sees
    /// the one or the other.
    package func write(_ name: String, _ bytes: [UInt8]) throws(StateWriteError) {
        try takeLock()
        let (target, beside) = ("\(path)/\(name)", "\(path)/.\(name).new")
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .failed(Self.reason) }
        var isWhole = false
        defer { if !isWhole { unlink(beside) } }
        do throws(StateWriteError) {
            try Self.write(bytes, to: descriptor)
            guard fsync(descriptor) == 0 else { throw .failed(Self.reason) }
        } catch {
            close(descriptor)
            throw error
        }
        guard close(descriptor) == 0, rename(beside, target) == 0 else { throw .failed(Self.reason) }
        isWhole = true
        // The name is as lasting as the directory is. Some file systems cannot sync one, and need not.
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws(StateWriteError) {
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + offset, $0.count - offset) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw .failed(reason) }
            offset += written
        }
    }

    /// Takes the lock, and with it the right to write, unless it is held already. It goes with the process.
    package func takeLock() throws(StateWriteError) {
        guard lock.withLock({ $0 }) == nil else { return }
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw .failed(Self.reason) }
        let descriptor = open("\(path)/\(Self.lockName)", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .failed(Self.reason) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            let reason = Self.reason
            close(descriptor)
            throw isTaken ? .inUse : .failed(reason)
        }
        lock.withLock { $0 = descriptor }
    }

    /// Why ``write(_:_:)`` could not work, as far as that shows without writing; `nil` when it could.
    package var obstacle: String? {
        var status = stat()
        var place = path
        if stat(place, &status) != 0, errno == ENOENT {
            // It would be made.
            while place.hasSuffix("/") { place.removeLast() }
            place = place.lastIndex(of: "/").map { String(place[...$0]) } ?? "."
        }
        guard stat(place, &status) == 0 else { return "\(place): \(Self.reason)" }
        guard status.st_mode & S_IFMT == S_IFDIR else { return "\(place) is not a directory" }
        guard access(place, W_OK | X_OK) == 0 else { return "\(place): \(Self.reason)" }
        return nil
    }

    private static var reason: String { String(cString: strerror(errno)) }
}

/// Why state is not written.
package enum StateWriteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process has the directory.
    case inUse
    /// The system's own words.
    case failed(String)

    package var description: String {
        switch self {
        case .inUse: "another process writes there"
        case .failed(let reason): reason
        }
    }
}
