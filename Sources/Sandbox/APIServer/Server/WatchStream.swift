/// The events of one watch, chosen, encoded and written.
struct WatchStream: Sendable {
    struct Opening: Sendable {
        let subscription: Store.Subscription
        /// A bookmark with an annotation tells where the initial events end.
        let marksEnd: Bool
    }

    let resource: Resource
    let namespace: String
    let options: ListOptions
    let encoder: ObjectEncoder
    let writer: ResponseWriter
    let faults: Faults
    /// By which faults know it.
    let number: Int
    /// The connection is cut after this many bytes.
    let truncation: Int?

    /// Runs until the watch times out, is ended, or the client leaves.
    func run(_ opening: Opening) async throws {
        var isFirst = true
        let initial = opening.subscription.initial.filter(options.matches)
        var events = initial.map { object in
            defer { isFirst = false }
            return encoder.encodeEvent("ADDED", object, hasColumns: isFirst)
        }
        if opening.marksEnd {
            events.append(bookmark(opening.subscription.revision, endsInitialEvents: true, hasColumns: isFirst))
            isFirst = false
        }
        try await send(BufferedChunks.cut(events))
        for await signal in opening.subscription.watcher.signals {
            switch signal {
            case .change(let change):
                guard change.revision > opening.subscription.revision,
                    let event = event(change, hasColumns: isFirst)
                else { continue }
                isFirst = false
                try await send([event])
            case .bookmark(let revision):
                guard options.allowsBookmarks else { continue }
                let event = bookmark(revision, endsInitialEvents: false, hasColumns: isFirst)
                isFirst = false
                try await send([event])
            case .timeout:
                try await writer.end()
                return
            case .end(let failure):
                if let failure { try await send([encoder.encodeError(failure)]) }
                try await writer.end()
                return
            }
        }
    }

    /// Ends a stream that has only just begun with an error.
    func fail(_ failure: APIStatus) async throws {
        try await writer.write(encoder.encodeError(failure))
        try await writer.end()
    }

    private func send(_ chunks: [[UInt8]]) async throws {
        guard !chunks.isEmpty else { return }
        await faults.waitForVoice(number)
        if let truncation {
            try await writer.write(Array(chunks.joined().prefix(truncation)))
            writer.abort()
        } else {
            try await writer.write(chunks: chunks)
        }
    }

    /// What a change means to this watch; `nil` when nothing. An object that leaves the selection is DELETED as it was
    /// before, at the version of the change.
    private func event(_ change: Change, hasColumns: Bool) -> [UInt8]? {
        guard namespace.isEmpty || change.key.namespace == namespace else { return nil }
        let was = change.previous.flatMap { options.matches($0) ? $0 : nil }
        let isNow = change.current.flatMap { options.matches($0) ? $0 : nil }
        switch (was, isNow) {
        case (nil, let current?): return encoder.encodeEvent("ADDED", current, hasColumns: hasColumns)
        case (_?, let current?): return encoder.encodeEvent("MODIFIED", current, hasColumns: hasColumns)
        case (let previous?, nil):
            var last = previous.object
            last["metadata"]?["resourceVersion"] = .string("\(change.revision)")
            guard let deleted = change.deleted else {
                return encoder.encodeEvent("DELETED", last, hasColumns: hasColumns)
            }
            return encoder.encodeEvent("DELETED", deleted, hasColumns: hasColumns)
        case (nil, nil): return nil
        }
    }

    /// An object of zero values with nothing but a version.
    private func bookmark(_ revision: Int64, endsInitialEvents: Bool, hasColumns: Bool) -> [UInt8] {
        var object = resource.storageSchema.empty
        object["metadata"] = ["resourceVersion": .string("\(revision)")]
        if endsInitialEvents { object["metadata"]?["annotations"] = ["k8s.io/initial-events-end": "true"] }
        return encoder.encodeEvent("BOOKMARK", object, hasColumns: hasColumns)
    }
}
