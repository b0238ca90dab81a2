import Dispatch
import Glibc
import Synchronization

/// A program run to its end, its output collected.
struct ChildProcess: Sendable {
    enum Outcome: Sendable {
        /// - complaint: the first line of what it wrote to standard error.
        case exited(status: Int32, output: [UInt8], complaint: String)
        case signalled(Int32)
        case notStarted(reason: String, isAbsent: Bool)
        case timedOut
        case tooMuchOutput
    }

    /// Looked up in the child's `PATH` when it holds no slash.
    var command: String
    var arguments: [String]
    var environment: [String: String]
    var timeout: Duration
    var outputLimit: Int

    /// Runs on a thread of its own: waiting for a child blocks.
    func run() async -> Outcome {
        await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .utility).async { continuation.resume(returning: runBlocking()) }
        }
    }

    private func runBlocking() -> Outcome {
        guard let path = executablePath else {
            return .notStarted(reason: "no such program in PATH", isAbsent: true)
        }
        let started: Started
        switch start(path) {
        case .success(let value): started = value
        case .failure(let error):
            return .notStarted(reason: String(cString: strerror(error.code)), isAbsent: error.code == ENOENT)
        }
        var output = Pipe(started.output, limit: outputLimit)
        var complaint = Pipe(started.complaint, limit: 4096)
        defer {
            output.shut()
            complaint.shut()
        }
        let deadline = ContinuousClock.now + timeout
        var verdict: Outcome?
        while verdict == nil, output.isOpen || complaint.isOpen {
            let left = deadline - .now
            guard left > .zero else {
                verdict = .timedOut
                break
            }
            var polled = [output.polled, complaint.polled]
            _ = poll(&polled, 2, Int32(clamping: left.milliseconds + 1))
            if polled[0].revents != 0 { output.read() }
            if polled[1].revents != 0 { complaint.read() }
            if output.overflowed { verdict = .tooMuchOutput }
        }
        // A plugin may close its output and linger; it is waited for no longer than the deadline.
        var status: Int32 = 0
        while verdict == nil, waitpid(started.child, &status, WNOHANG) == 0 {
            guard ContinuousClock.now < deadline else {
                verdict = .timedOut
                break
            }
            usleep(2000)
        }
        if let verdict {
            kill(-started.child, SIGKILL)
            while waitpid(started.child, &status, 0) < 0, errno == EINTR {}
            return verdict
        }
        let signal = status & 0x7f
        guard signal == 0 else { return .signalled(signal) }
        let line = complaint.bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1).first ?? []
        return .exited(
            status: status >> 8 & 0xff,
            output: output.bytes,
            complaint: trimmed(String(decoding: line.prefix(500), as: UTF8.self))
        )
    }

    private var executablePath: String? {
        if command.contains("/") { return command }
        let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(command)" }.first { access($0, X_OK) == 0 }
    }
}

// MARK: - Starting

extension ChildProcess {
    private struct Started {
        let child: pid_t
        let output: Int32
        let complaint: Int32
    }

    private struct SystemError: Error {
        let code: Int32
    }

    /// Pipes are made without the close-on-exec flag and then given it, so no other child may start in between.
    private static let starting = Mutex<Void>(())

    private func start(_ path: String) -> Result<Started, SystemError> {
        Self.starting.withLock { _ in
            guard let output = makePipe() else { return .failure(SystemError(code: errno)) }
            guard let complaint = makePipe() else {
                let code = errno
                close(output.reading)
                close(output.writing)
                return .failure(SystemError(code: code))
            }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
            posix_spawn_file_actions_adddup2(&actions, complaint.writing, STDERR_FILENO)

            // Its own group, so that ending it ends what it started; signals as a fresh program expects them.
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            var none = sigset_t()
            sigemptyset(&none)
            var all = sigset_t()
            sigfillset(&all)
            posix_spawnattr_setsigmask(&attributes, &none)
            posix_spawnattr_setsigdefault(&attributes, &all)
            let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
            posix_spawnattr_setflags(&attributes, Int16(flags))

            var child: pid_t = 0
            let code = withCStrings([path] + arguments) { arguments in
                withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
                    posix_spawn(&child, path, &actions, &attributes, arguments, environment)
                }
            }
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
            close(output.writing)
            close(complaint.writing)
            guard code == 0 else {
                close(output.reading)
                close(complaint.reading)
                return .failure(SystemError(code: code))
            }
            return .success(Started(child: child, output: output.reading, complaint: complaint.reading))
        }
    }

    private func makePipe() -> (reading: Int32, writing: Int32)? {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }

    private func withCStrings<Result>(
        _ strings: [String],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }
}

// MARK: - Reading

/// The reading end of a pipe.
private struct Pipe {
    private var descriptor: Int32
    private let limit: Int
    private(set) var bytes: [UInt8] = []
    /// More was written than the limit; what is beyond it is dropped.
    private(set) var overflowed = false

    init(_ descriptor: Int32, limit: Int) {
        self.descriptor = descriptor
        self.limit = limit
    }

    var isOpen: Bool { descriptor >= 0 }
    /// `poll` passes over a negative descriptor.
    var polled: pollfd { pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0) }

    mutating func read() {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while isOpen {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            switch count {
            case 0: shut()
            case 1...:
                let room = limit - bytes.count
                bytes.append(contentsOf: chunk[..<min(count, room)])
                overflowed = overflowed || count > room
            case _ where errno == EINTR: continue
            case _ where errno == EAGAIN: return
            default: shut()
            }
        }
    }

    mutating func shut() {
        guard isOpen else { return }
        close(descriptor)
        descriptor = -1
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
