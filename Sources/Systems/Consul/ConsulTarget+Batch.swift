import SyncEngine

extension ConsulTarget {
    /// Operations on their way through one or more transactions.
    struct Batch {
        let operations: [(operation: Operation, encoded: [[UInt8]])]
        private(set) var results: [OperationResult]
        /// The first operation that no transaction has taken yet.
        private var position = 0
        /// Services of which something was not done: nothing more of them is, so that no removal overtakes a write.
        private var haltedServices: Set<String> = []
        var hasCreatedNode = false

        init(_ operations: [(operation: Operation, encoded: [[UInt8]])]) {
            self.operations = operations
            results = operations.map { _ in .notTried }
        }

        /// The operations of the next transaction. Passes over those of services of which something before was not done.
        mutating func next(operations limit: Int, bytes byteLimit: Int) -> [Int]? {
            var indices: [Int] = []
            var count = 0
            var bytes = 2
            while position < operations.count {
                let encoded = operations[position].encoded
                let size = encoded.reduce(0) { $0 + $1.count + 1 }
                if isOpen(position) {
                    guard indices.isEmpty || count + encoded.count <= limit && bytes + size <= byteLimit else { break }
                    indices.append(position)
                    count += encoded.count
                    bytes += size
                }
                position += 1
            }
            return indices.isEmpty ? nil : indices
        }

        func body(_ indices: [Int]) -> [UInt8] {
            var writer = JSONWriter()
            writer.array { writer in
                for index in indices {
                    for operation in operations[index].encoded { writer.value(operation) }
                }
            }
            return writer.bytes
        }

        /// Which operation the `position`th operation of a transaction belongs to.
        func operation(at position: Int, of indices: [Int]) -> Int? {
            var rest = position
            for index in indices {
                if rest < operations[index].encoded.count { return rest >= 0 ? index : nil }
                rest -= operations[index].encoded.count
            }
            return nil
        }

        func isOpen(_ index: Int) -> Bool {
            results[index] == .notTried && !haltedServices.contains(operations[index].operation.service.lowercased())
        }

        mutating func succeed(_ index: Int) { results[index] = .done }

        mutating func fail(_ index: Int, _ error: TargetError) {
            // Of several failing parts of one operation, the first is the cause.
            guard results[index] == .notTried else { return }
            results[index] = .failed(error)
            haltedServices.insert(operations[index].operation.service.lowercased())
        }

        /// Says that a transaction of `indices` came to nothing.
        mutating func rollBack(_ indices: [Int]) {
            for index in indices { haltedServices.insert(operations[index].operation.service.lowercased()) }
        }

        /// Says of everything still open that the target failed.
        mutating func failRest(_ error: TargetError) {
            for index in results.indices where results[index] == .notTried { results[index] = .failed(error) }
        }
    }
}
