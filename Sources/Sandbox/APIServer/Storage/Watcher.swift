/// What one watch is told, in order.
enum WatchSignal: Sendable {
    case change(Change)
    /// Everything up to this version has been told.
    case bookmark(Int64)
    case timeout
    /// The watch ends with an error event, or cleanly.
    case end(APIStatus?)
}

/// One watch's place in a collection: signals go in under the store's lock and come out in that order.
struct Watcher: Sendable {
    let signals: AsyncStream<WatchSignal>
    private let continuation: AsyncStream<WatchSignal>.Continuation

    init() { (signals, continuation) = AsyncStream.makeStream() }

    func send(_ signal: WatchSignal) { continuation.yield(signal) }
}
