import CCurl
import Glibc

/// What the libcurl thread does: take commands, let libcurl work, settle what came of it, wait. Nothing else touches
/// its state.
struct LoopThread {
    /// Handles kept for the next transfers, which saves making them anew.
    private static let handlesKept = 32

    private let multi: UnsafeMutableRawPointer
    private let takeCommands: () -> [TransferLoop.Command]
    private let time: @Sendable () -> ContinuousClock.Instant
    private var active: [ObjectIdentifier: ActiveTransfer] = [:]
    private var spareHandles: [EasyHandle] = []

    init(
        _ multi: UnsafeMutableRawPointer,
        time: @escaping @Sendable () -> ContinuousClock.Instant,
        takeCommands: @escaping () -> [TransferLoop.Command]
    ) {
        self.multi = multi
        self.time = time
        self.takeCommands = takeCommands
    }

    mutating func run() -> Never {
        while true {
            for command in takeCommands() { obey(command) }
            // One reading of the clock a round: what the round receives counts before what the round expires.
            let now = time()
            var running: CInt = 0
            curl_multi_perform(multi, &running)
            collectFinished(now: now)
            settle(now: now)
            wait(until: endBroken(now: now), now: now)
        }
    }

    private mutating func obey(_ command: TransferLoop.Command) {
        switch command {
        case .start(let transfer):
            start(transfer)
        case .stop(let transfer):
            if let stopped = active[ObjectIdentifier(transfer)] { remove(stopped) }
        case .resume(let transfer):
            active[ObjectIdentifier(transfer)]?.resume(now: time())
        }
    }

    private mutating func start(_ transfer: Transfer) {
        guard transfer.isWanted else { return }
        let spare = Self.canServeAgain(transfer) ? spareHandles.popLast() : nil
        guard let handle = spare ?? EasyHandle() else {
            return transfer.finish(.failed(transfer.request.error(.request, "memory has run out")))
        }
        do throws(OptionFailure) {
            let starting = try ActiveTransfer(transfer, handle: handle, now: time())
            guard curl_multi_add_handle(multi, handle.curl) == CURLM_OK else {
                throw OptionFailure(code: CURLE_FAILED_INIT)
            }
            active[ObjectIdentifier(transfer)] = starting
        } catch {
            transfer.finish(.failed(TransferFailure(code: error.code).error(for: transfer.request)))
        }
    }

    /// Takes a transfer out of libcurl. Its connection is kept if libcurl can use it again.
    private mutating func remove(_ transfer: ActiveTransfer) {
        curl_multi_remove_handle(multi, transfer.handle.curl)
        active[ObjectIdentifier(transfer.transfer)] = nil
        if Self.canServeAgain(transfer.transfer), spareHandles.count < Self.handlesKept {
            transfer.handle.reset()
            spareHandles.append(transfer.handle)
        }
    }

    /// Streams have a receive buffer of another size, and a handle of their own for that. Up to 8.6 libcurl may leave a
    /// handle its buffer when a transfer is over (one that never got a connection, or shared it), keeps it through a
    /// reset, and then refuses another size with CURLE_BAD_FUNCTION_ARGUMENT.
    private static func canServeAgain(_ transfer: Transfer) -> Bool { transfer.request.form == .whole }

    private mutating func collectFinished(now: ContinuousClock.Instant) {
        var left: CInt = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            let code = message.pointee.data.result
            var context: UnsafeMutableRawPointer?
            ccurl_get_pointer(easy, CURLINFO_PRIVATE, &context)
            let finished = ActiveTransfer.from(context)
            if let end = finished.end(code, now: now) {
                remove(finished)
                finished.transfer.finish(end)
            } else {
                curl_multi_remove_handle(multi, easy)
                curl_multi_add_handle(multi, easy)
            }
        }
    }

    private func settle(now: ContinuousClock.Instant) {
        for transfer in active.values { transfer.settle(now: now) }
    }

    /// Ends what has taken too long or broken down, and says when to look again.
    private mutating func endBroken(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        var next: ContinuousClock.Instant?
        for transfer in active.values {
            if let error = transfer.breakdown(now: now) {
                remove(transfer)
                transfer.transfer.finish(.failed(error))
            } else if let deadline = transfer.deadline {
                next = min(next ?? deadline, deadline)
            }
        }
        return next
    }

    /// Sleeps until a socket is ready, libcurl's own timers ask for attention, a command comes, or `deadline`.
    private func wait(until deadline: ContinuousClock.Instant?, now: ContinuousClock.Instant) {
        let timeout = deadline.map { deadline in
            // Rounded up: waking a moment early would mean waking twice.
            CInt(clamping: Int((now.duration(to: deadline) / .milliseconds(1)).rounded(.up)))
        }
        var ready: CInt = 0
        if curl_multi_poll(multi, nil, 0, timeout ?? .max, &ready) != CURLM_OK {
            // Only exhausted memory or descriptors get here; they must not become a busy loop.
            poll(nil, 0, 100)
        }
    }
}
