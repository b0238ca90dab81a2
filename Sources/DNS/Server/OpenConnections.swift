import NIOCore

/// The connections of one loop and which of them has to go: a list for each standing, in the order in which connections were
/// used or came to it.
///
/// The links lie in the connections, so that taking another place takes no memory.
struct OpenConnections {
    enum Standing: Int {
        /// The TLS handshake is not over.
        case handshaking
        /// Occupies no memory beyond its own.
        case resting
        /// Holds part of a message, or answers that the peer does not take.
        case holding
    }

    /// Where a connection stands; kept by it, changed here.
    struct Place {
        /// `nil` before the connection is taken up, and when it is about to end.
        fileprivate(set) var standing: Standing?
        fileprivate var isOpen = false
        /// When the connection was last used, or came to this standing.
        fileprivate(set) var since = NIODeadline.distantPast
        fileprivate(set) var held = 0
        fileprivate var older: StreamHandler?
        fileprivate var newer: StreamHandler?
    }

    private struct List {
        var oldest: StreamHandler?
        var newest: StreamHandler?
    }

    private let limits: StreamLimits
    /// This loop's part of all connections, and of what they may hold.
    private let capacity: Int
    private let heldLimit: Int
    private var lists: InlineArray<3, List> = .init(repeating: List())
    /// Open connections, those about to end among them.
    private(set) var count = 0
    /// Octets held by all.
    private var held = 0

    init(limits: StreamLimits, capacity: Int) {
        self.limits = limits
        self.capacity = capacity
        heldLimit = max(1, limits.held / max(1, limits.threads))
    }

    /// How long connections may be idle at present.
    var idle: Duration { limits.idle(whenOpen: count, of: capacity) }

    /// Whether another connection needs room.
    var isFull: Bool { count >= capacity }

    /// Whether connections hold more than they may.
    var isOverheld: Bool { held > heldLimit }

    // MARK: - Places

    mutating func open(_ handler: StreamHandler, as standing: Standing, at now: NIODeadline) {
        count += 1
        handler.place.isOpen = true
        append(handler, standing, now)
    }

    /// - Parameter isUsed: whether the connection has been used just now. Without use it keeps its time, unless it comes to
    ///   another standing: a message begun has the idle time to be completed.
    mutating func place(
        _ handler: StreamHandler,
        as standing: Standing,
        holding octets: Int,
        isUsed: Bool,
        at now: NIODeadline
    ) {
        guard let present = handler.place.standing else { return }
        held += octets - handler.place.held
        handler.place.held = octets
        guard isUsed || present != standing else { return }
        unlink(handler)
        append(handler, standing, now)
    }

    /// Takes a connection out of the lists, as it is about to end.
    mutating func unlist(_ handler: StreamHandler) {
        guard handler.place.standing != nil else { return }
        held -= handler.place.held
        handler.place.held = 0
        unlink(handler)
    }

    /// Forgets a connection that has ended. False when it is not known.
    mutating func close(_ handler: StreamHandler) -> Bool {
        guard handler.place.isOpen else { return false }
        unlist(handler)
        handler.place.isOpen = false
        count -= 1
        return true
    }

    /// All that are not about to end.
    var all: [StreamHandler] {
        lists.indices.flatMap { index in
            sequence(state: lists[index].oldest) { next in
                defer { next = next?.place.newer }
                return next
            }
        }
    }

    // MARK: - Who has to go

    /// The connection that has been idle for longest.
    var idlest: StreamHandler? {
        var result: StreamHandler?
        for index in lists.indices {
            guard let oldest = lists[index].oldest else { continue }
            if result.map({ oldest.place.since < $0.place.since }) ?? true { result = oldest }
        }
        return result
    }

    /// The connection that has been holding for longest.
    var longestHolding: StreamHandler? { lists[Standing.holding.rawValue].oldest }

    /// Connections that have been idle, or in their handshake, for longer than they may.
    func expired(at now: NIODeadline) -> [StreamHandler] {
        let idle = TimeAmount(self.idle)
        let handshake = min(idle, TimeAmount(limits.handshake))
        var result: [StreamHandler] = []
        for standing in [Standing.handshaking, .resting, .holding] {
            let limit = standing == .handshaking ? handshake : idle
            var next = lists[standing.rawValue].oldest
            while let handler = next, now - handler.place.since >= limit {
                next = handler.place.newer
                result.append(handler)
            }
        }
        return result
    }

    // MARK: - Lists

    private mutating func append(_ handler: StreamHandler, _ standing: Standing, _ now: NIODeadline) {
        let index = standing.rawValue
        let newest = lists[index].newest
        handler.place.standing = standing
        handler.place.since = now
        handler.place.older = newest
        if let newest { newest.place.newer = handler } else { lists[index].oldest = handler }
        lists[index].newest = handler
    }

    private mutating func unlink(_ handler: StreamHandler) {
        guard let index = handler.place.standing?.rawValue else { return }
        let (older, newer) = (handler.place.older, handler.place.newer)
        if let older { older.place.newer = newer } else { lists[index].oldest = newer }
        if let newer { newer.place.older = older } else { lists[index].newest = older }
        handler.place.older = nil
        handler.place.newer = nil
        handler.place.standing = nil
    }
}
