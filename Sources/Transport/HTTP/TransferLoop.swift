import CCurl
import Glibc
import Synchronization

/// A libcurl thread and the way to it. The process has one, ``shared``: every client's transfers run on it, so that
/// connections are pooled in one place; an idle process waits in one system call, without a timeout.
final class TransferLoop: Sendable {
    enum Command {
        case start(Transfer)
        case stop(Transfer)
        /// The reader of a paused stream has caught up.
        case resume(Transfer)
    }

    /// libcurl's set of transfers. It lives as long as the process.
    struct Multi: @unchecked Sendable {
        // Only `curl_multi_wakeup`, which libcurl documents as safe on any thread, is called off the libcurl thread.
        let pointer: UnsafeMutableRawPointer
    }

    static let shared = TransferLoop { ContinuousClock.now }

    private let multi: Multi
    private let time: @Sendable () -> ContinuousClock.Instant
    private let inbox = Mutex<[Command]>([])

    /// A loop whose deadlines go by `time`. Its thread never ends.
    init(time: @escaping @Sendable () -> ContinuousClock.Instant) {
        guard curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK, let pointer = curl_multi_init() else {
            fatalError("libcurl cannot be initialised")
        }
        multi = Multi(pointer: pointer)
        self.time = time
        ccurl_multi_set_long(pointer, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        // Otherwise idle connections are kept in proportion to the running transfers, and a pool runs dry in a lull.
        ccurl_multi_set_long(pointer, CURLMOPT_MAXCONNECTS, 256)

        var thread = pthread_t()
        let created = pthread_create(
            &thread,
            nil,
            { argument in
                TransferLoop.blockSignals()
                TransferLoop.nameThread()
                let loop = Unmanaged<TransferLoop>.fromOpaque(argument!).takeRetainedValue()
                var thread = LoopThread(loop.multi.pointer, time: loop.time) { loop.takeCommands() }
                thread.run()
            },
            Unmanaged.passRetained(self).toOpaque()
        )
        guard created == 0 else {
            fatalError("the HTTP thread cannot be started: \(String(cString: strerror(created)))")
        }
    }

    /// Hands a command to the libcurl thread, from any thread.
    func post(_ command: Command) {
        let isFirst = inbox.withLock { commands in
            commands.append(command)
            return commands.count == 1
        }
        // The others find the thread already on its way.
        if isFirst { wake() }
    }

    /// Has the libcurl thread look at commands and deadlines at once.
    func wake() { curl_multi_wakeup(multi.pointer) }

    private func takeCommands() -> [Command] {
        inbox.withLock { commands in
            let taken = commands
            commands = []
            return taken
        }
    }

    /// Leaves signals to the other threads. Above all SIGPIPE, which OpenSSL's writes can raise on a dead connection.
    private static func blockSignals() {
        var signals = sigset_t()
        sigfillset(&signals)
        // Those that say this thread itself has crashed.
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT] { sigdelset(&signals, signal) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    /// For `top` and debuggers.
    private static func nameThread() {
        let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = "libcurl".withCString { write(descriptor, $0, strlen($0)) }
        close(descriptor)
    }
}
