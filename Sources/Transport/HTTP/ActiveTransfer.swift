import CCurl

/// A transfer in libcurl's hands: the handle, and what the callbacks note for the loop. Used on the libcurl thread only.
final class ActiveTransfer {
    /// Why a callback made libcurl give up.
    private enum Refusal {
        case bodyTooLarge
        case headTooLarge
        /// The request has gone out once, and must not again.
        case repetition
        /// Closed by its caller.
        case abandoned
    }

    let transfer: Transfer
    let handle: EasyHandle
    private var head = ResponseHeadParser()
    private var attempts: TransferAttempts
    private var deadlines: TransferDeadlines
    private var refusal: Refusal?
    private var isPaused = false
    private var resumption = CURLE_OK

    // What happened since the last `settle`.
    private var requestWasSent = false
    private var hasReceived = false
    private var hasBody = false

    init(_ transfer: Transfer, handle: EasyHandle, now: ContinuousClock.Instant) throws(OptionFailure) {
        let request = transfer.request
        self.transfer = transfer
        self.handle = handle
        attempts = TransferAttempts(method: request.method)
        deadlines = TransferDeadlines(
            connect: request.settings.connectTimeout,
            total: request.totalTimeout,
            idle: request.idleTimeout,
            now: now
        )
        try handle.configure(request)
        try installCallbacks()
    }

    private func installCallbacks() throws(OptionFailure) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        try handle.set(CURLOPT_PRIVATE, context)
        try handle.set(CURLOPT_HEADERDATA, context)
        try handle.set(CURLOPT_WRITEDATA, context)
        try handle.set(CURLOPT_PREREQDATA, context)
        try handle.set(CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            ActiveTransfer.from(context).receiveHeaderLine(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        try handle.set(CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            ActiveTransfer.from(context).receiveBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        try handle.check(
            ccurl_set_prerequest(handle.curl) { context, _, _, _, _ in
                ActiveTransfer.from(context).maySendRequest() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
            }
        )
    }

    /// The transfer behind a callback's context or a finished handle.
    static func from(_ context: UnsafeMutableRawPointer?) -> ActiveTransfer {
        Unmanaged.fromOpaque(context!).takeUnretainedValue()
    }

    // MARK: libcurl's callbacks

    private func maySendRequest() -> Bool {
        guard attempts.maySend(bytesSent: handle.info(CURLINFO_REQUEST_SIZE)) else {
            refusal = .repetition
            return false
        }
        requestWasSent = true
        return true
    }

    private func receiveHeaderLine(_ line: UnsafeRawBufferPointer) -> Int {
        hasReceived = true
        switch head.consume(line) {
        case .more:
            break
        case .complete(let head):
            let length = head.headers["Content-Length"].flatMap { Int($0) }
            transfer.receiveHead(head, expectedBody: length)
        case .tooLarge:
            refusal = .headTooLarge
            return 0
        }
        return line.count
    }

    private func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        hasReceived = true
        hasBody = true
        switch transfer.receive(bytes.bytes) {
        case .taken:
            return bytes.count
        case .pause:
            isPaused = true
            deadlines.paused()
            return Int(CURL_WRITEFUNC_PAUSE)
        case .tooLarge:
            refusal = .bodyTooLarge
            return 0
        case .abandoned:
            refusal = .abandoned
            return 0
        }
    }

    // MARK: The loop's events

    /// The reader has caught up.
    func resume(now: ContinuousClock.Instant) {
        guard isPaused else { return }
        isPaused = false
        deadlines.resumed(now: now)
        // This may call the write callback, and pause again. After a failure bytes are missing.
        resumption = curl_easy_pause(handle.curl, CInt(CURLPAUSE_CONT))
    }

    /// Draws the conclusions from what the callbacks noted, and hands over what has arrived.
    func settle(now: ContinuousClock.Instant) {
        if requestWasSent {
            requestWasSent = false
            deadlines.requestSent(now: now)
        }
        if hasReceived {
            hasReceived = false
            deadlines.received(now: now)
        }
        if hasBody {
            hasBody = false
            if transfer.flush() { resume(now: now) }
        }
    }

    /// When the loop must look at it again.
    var deadline: ContinuousClock.Instant? { deadlines.next }

    /// The error of a transfer that libcurl would go on with, but that has taken too long or lost bytes.
    func breakdown(now: ContinuousClock.Instant) -> HTTPError? {
        guard resumption == CURLE_OK else { return failure(resumption).error(for: transfer.request) }
        return deadlines.expiry(now: now).map { transfer.request.error(.timeout, $0.detail) }
    }

    /// What libcurl's result means; nil if the request is to go out again, on a new connection.
    func end(_ code: CURLcode, now: ContinuousClock.Instant) -> TransferEnd? {
        if code == CURLE_OK, head.isComplete { return .complete }
        let request = transfer.request
        switch refusal {
        case .bodyTooLarge:
            let limit = request.settings.maximumBodySize
            return .failed(request.error(.tooLarge, "the response body is larger than the allowed \(limit) bytes"))
        case .headTooLarge:
            let limit = ResponseHeadParser.limit
            return .failed(request.error(.response, "the response head is larger than the allowed \(limit) bytes"))
        case .repetition:
            return .failed(
                request.error(
                    .connect,
                    "the connection was lost before the response; the server may have acted on the request"
                )
            )
        case .abandoned:
            return .failed(request.error(.cancelled, "cancelled"))
        case nil:
            break
        }
        let failure = failure(code == CURLE_OK ? CURLE_GOT_NOTHING : code)
        if failure.isDeath, !head.hasBegun, attempts.mayRepeat(bytesSent: handle.info(CURLINFO_REQUEST_SIZE)),
            (try? handle.set(CURLOPT_FRESH_CONNECT, 1)) != nil
        {
            deadlines.restarted(now: now)
            return nil
        }
        return .failed(failure.error(for: request))
    }

    private func failure(_ code: CURLcode) -> TransferFailure {
        TransferFailure(
            code: code,
            message: handle.errorMessage,
            systemError: CInt(handle.info(CURLINFO_OS_ERRNO)),
            verification: handle.info(CURLINFO_SSL_VERIFYRESULT),
            responseHasBegun: head.hasBegun
        )
    }
}
