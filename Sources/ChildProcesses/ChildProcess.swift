internal import CSpawn
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A program that this process started, with its output in files.
///
/// Not Foundation's `Process`: its `waitUntilExit` needs a run loop, and may wait for ever on the threads of Swift
/// concurrency. Here the child opens its files itself, so no descriptor of it stays in this process, and one thread waits
/// for its end. It has a process group of its own, so that Ctrl-C reaches it through its holder alone.
package final class ChildProcess: Sendable {
    package struct Ending: Sendable, Equatable {
        /// The exit code, or the number of the signal.
        package let code: Int32
        package let isSignal: Bool

        package init(code: Int32, isSignal: Bool) {
            self.code = code
            self.isSignal = isSignal
        }
    }

    package struct NotStarted: Error, CustomStringConvertible {
        package let description: String
    }

    /// The process id, until it has been waited for: after that it may be another's.
    private final class Identity: Sendable {
        private let pid: Mutex<pid_t?>

        init(_ pid: pid_t) { self.pid = Mutex(pid) }

        var isRunning: Bool { pid.withLock { $0 != nil } }

        func send(_ signal: Int32) {
            pid.withLock { if let pid = $0 { kill(pid, signal) } }
        }

        /// Blocks until the process has ended. Called once.
        func wait() -> Ending {
            guard let pid = pid.withLock({ $0 }) else { return Ending(code: -1, isSignal: false) }
            var information = siginfo_t()
            while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
            return self.pid.withLock { present in
                present = nil
                var status: Int32 = 0
                while waitpid(pid, &status, 0) < 0, errno == EINTR {}
                let signal = status & 0x7f
                guard signal == 0 else { return Ending(code: signal, isSignal: true) }
                return Ending(code: status >> 8 & 0xff, isSignal: false)
            }
        }
    }

    private static let waiters = DispatchQueue(label: "child processes", attributes: .concurrent)

    private let identity: Identity
    private let ending: Task<Ending, Never>

    /// - Parameters:
    ///   - path: of the program; it runs in this process's directory and environment.
    ///   - output, errors: files that standard output and standard error are appended to; they may be the same.
    package init(_ path: String, _ arguments: [String], output: String, errors: String) throws(NotStarted) {
        let identity: Identity
        switch Self.start(path, arguments, output: output, errors: errors) {
        case .success(let pid): identity = Identity(pid)
        case .failure(let error):
            throw NotStarted(description: "\(path) cannot be started: \(String(cString: strerror(error.code)))")
        }
        self.identity = identity
        ending = Task {
            await withCheckedContinuation { continuation in
                Self.waiters.async { continuation.resume(returning: identity.wait()) }
            }
        }
    }

    /// Nothing that was started outlives its holder.
    deinit { identity.send(SIGKILL) }

    package var isRunning: Bool { identity.isRunning }

    /// Does nothing once the process has ended.
    package func send(_ signal: Int32) { identity.send(signal) }

    /// Returns when the process has ended.
    package func end() async -> Ending { await ending.value }

    private struct SystemError: Error {
        let code: Int32
    }

    private static func start(
        _ path: String,
        _ arguments: [String],
        output: String,
        errors: String
    ) -> Result<pid_t, SystemError> {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        for (descriptor, file) in [(STDOUT_FILENO, output), (STDERR_FILENO, errors)] {
            posix_spawn_file_actions_addopen(&actions, descriptor, file, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        // Sockets of this process, were they open in a child too, would keep their ports taken after they are closed here.
        cspawn_close_from(&actions, STDERR_FILENO + 1)
        // Signals as a fresh program expects them, whatever this one does with them.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var pid: pid_t = 0
        var argv = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        let code = posix_spawn(&pid, path, &actions, &attributes, &argv, environ)
        return code == 0 ? .success(pid) : .failure(SystemError(code: code))
    }
}
