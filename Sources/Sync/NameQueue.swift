/// Names in the order they came, each once.
struct NameQueue: Sendable {
    private var order: [(name: String, ticket: Int)] = []
    private var head = 0
    private var tickets: [String: Int] = [:]
    private var lastTicket = 0

    var isEmpty: Bool { tickets.isEmpty }
    var names: some Collection<String> { tickets.keys }

    func contains(_ name: String) -> Bool { tickets[name] != nil }

    mutating func append(_ name: String) {
        guard tickets[name] == nil else { return }
        lastTicket += 1
        tickets[name] = lastTicket
        order.append((name, lastTicket))
    }

    /// Leaves a gap in the order, which is skipped and now and then closed.
    mutating func remove(_ name: String) {
        guard tickets.removeValue(forKey: name) != nil else { return }
        while head < order.count, tickets[order[head].name] != order[head].ticket { head += 1 }
        if order.count > 1024, order.count > 2 * tickets.count {
            order = order[head...].filter { tickets[$0.name] == $0.ticket }
            head = 0
        }
    }

    /// A snapshot of the order, to walk through while the queue changes; names may have left since.
    var walk: Walk { Walk(order: order[head...]) }

    struct Walk: Sequence, IteratorProtocol {
        fileprivate var order: ArraySlice<(name: String, ticket: Int)>

        mutating func next() -> (name: String, ticket: Int)? { order.popFirst() }
    }

    func isCurrent(_ place: (name: String, ticket: Int)) -> Bool { tickets[place.name] == place.ticket }
}
