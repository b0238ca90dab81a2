internal import Glibc
internal import Synchronization

/// Follows a directory with inotify on a thread of its own, so that a slow or hanging file system holds up nobody.
///
/// After every change, and at long intervals in any case (network file systems and links to elsewhere tell nothing),
/// the whole directory is read again: few bytes, and no event can be misunderstood. A change is read once it has been
/// quiet for a moment, so that what is written in several steps is mostly seen whole; replacing files by renaming, as
/// editors and ConfigMap volumes do, is always seen whole.
final class DirectoryFollower: Sendable {
    /// How long it must be quiet, and how long that is waited for at most, in milliseconds.
    private static let quietTime: Int32 = 20
    private static let longestUnrest = 500
    /// How often the directory is read without a sign, in milliseconds.
    private static let interval: Int32 = 30_000

    private let path: String
    private let deliver: @Sendable (DirectoryReading) -> Void
    private let inotify: Int32
    /// The thread ends when the writing end is closed.
    private let stopReader: Int32
    private let stopWriter: Mutex<Int32?>

    /// The readings of `path`, the present one first. A reader that is slow gets the newest. Ends only with its reader.
    static func readings(of path: String) -> AsyncStream<DirectoryReading> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let follower = DirectoryFollower(path: path) { continuation.yield($0) }
            continuation.onTermination = { _ in follower.stop() }
            follower.start()
        }
    }

    private init(path: String, deliver: @escaping @Sendable (DirectoryReading) -> Void) {
        self.path = Self.absolute(path)
        self.deliver = deliver
        inotify = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        stopReader = ends[0]
        stopWriter = Mutex(ends[1])
    }

    deinit {
        if inotify >= 0 { close(inotify) }
        if stopReader >= 0 { close(stopReader) }
    }

    private func stop() {
        stopWriter.withLock { descriptor in
            if let open = descriptor { close(open) }
            descriptor = nil
        }
    }

    private func start() {
        guard stopReader >= 0 else {
            return deliver(.unreadable("the directory \(path) cannot be followed: too many open files"))
        }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread,
            nil,
            { context in
                Unmanaged<DirectoryFollower>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            },
            context.toOpaque()
        )
        if result == 0 {
            pthread_detach(thread)
        } else {
            context.release()
            deliver(.unreadable("no thread to follow the directory \(path): \(String(cString: strerror(result)))"))
        }
    }

    private static func absolute(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return "\(String(cString: current))/\(path)"
    }

    // MARK: The thread

    private func run() {
        var watches = Watches(inotify: inotify)
        while true {
            watches.watch(above: path)
            // A directory is read again once it is watched: what changed in between told nobody.
            var (reading, directories) = DirectoryReading.reading(of: path)
            while watches.watch(inside: directories) {
                (reading, directories) = DirectoryReading.reading(of: path)
            }
            deliver(reading)
            guard waitForChange(watches) else { return }
        }
    }

    /// Returns false when it is time to end.
    private func waitForChange(_ watches: borrowing Watches) -> Bool {
        while true {
            switch wait(Self.interval) {
            case .stop: return false
            case .time: return true
            case .events:
                guard watches.drain() else { continue }
                var left = Self.longestUnrest
                while left > 0 {
                    switch wait(Self.quietTime) {
                    case .stop: return false
                    case .time: return true
                    case .events: _ = watches.drain()
                    }
                    left -= Int(Self.quietTime)
                }
                return true
            }
        }
    }

    private enum Wakeup {
        case stop
        case time
        case events
    }

    private func wait(_ milliseconds: Int32) -> Wakeup {
        var descriptors = [
            pollfd(fd: stopReader, events: Int16(POLLIN), revents: 0),
            pollfd(fd: inotify, events: Int16(POLLIN), revents: 0),
        ]
        let count = poll(&descriptors, 2, milliseconds)
        if descriptors[0].revents != 0 { return .stop }
        return count > 0 && descriptors[1].revents != 0 ? .events : .time
    }
}

/// The directories that inotify watches: those that are read, and the nearest one above, for when they come and go.
private struct Watches: ~Copyable {
    private static let changes =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO)
        | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_ATTRIB) | UInt32(IN_ONLYDIR)

    private let inotify: Int32
    private var inside: Set<Int32> = []
    /// The watch above, and the one name in it that matters.
    private var above: (descriptor: Int32, name: String)?

    init(inotify: Int32) { self.inotify = inotify }

    /// Watches these directories and no others.
    ///
    /// - Returns: whether any of them was not watched before.
    mutating func watch(inside directories: [String]) -> Bool {
        let old = inside
        inside = Set(directories.map { inotify_add_watch(inotify, $0, Self.changes) }.filter { $0 >= 0 })
        for gone in old.subtracting(inside) where gone != above?.descriptor { inotify_rm_watch(inotify, gone) }
        return !inside.isSubset(of: old)
    }

    /// Watches the nearest directory above `path` that exists, for the next name on the way down.
    mutating func watch(above path: String) {
        let old = above
        above = nil
        var path = path[...]
        while above == nil, let slash = path.lastIndex(of: "/") {
            let name = String(path[path.index(after: slash)...])
            path = path[..<slash]
            let descriptor = inotify_add_watch(inotify, path.isEmpty ? "/" : String(path), Self.changes)
            if descriptor >= 0 { above = (descriptor, name) }
        }
        if let gone = old?.descriptor, gone != above?.descriptor, !inside.contains(gone) {
            inotify_rm_watch(inotify, gone)
        }
    }

    /// Takes in all pending events. Returns whether any of them matters.
    func drain() -> Bool {
        var matters = false
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(inotify, &buffer, buffer.count)
            guard count > 0 else { return matters }
            buffer.withUnsafeBytes { bytes in
                var offset = 0
                let header = MemoryLayout<inotify_event>.size
                while offset + header <= count {
                    let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    let name = bytes[(offset + header)..<min(count, offset + header + Int(event.len))].prefix {
                        $0 != 0
                    }
                    offset += header + Int(event.len)
                    // Told of every watch that ends, by us or with its directory, which is told as well.
                    if event.mask & UInt32(IN_IGNORED) != 0 { continue }
                    if let above, event.wd == above.descriptor, !inside.contains(event.wd), !name.isEmpty {
                        matters = matters || name.elementsEqual(above.name.utf8)
                    } else {
                        matters = true
                    }
                }
            }
        }
    }
}
