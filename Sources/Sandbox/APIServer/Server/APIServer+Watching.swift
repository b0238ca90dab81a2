extension APIServer {
    func watch(_ call: Call, _ responder: Responder) async throws(APIStatus) {
        if responder.negotiation.format == .yaml { throw Negotiation.notAcceptableForWatch }
        let options = try ListOptions(
            call.request,
            call.resource,
            isWatch: true,
            knowsInitialEvents: configuration.streamingLists != .disabled
        )
        let version = try options.version(isWatch: true)
        let timeout = options.timeout ?? .seconds(Int.random(in: 1800...3600))
        try await escaping {
            let stream = WatchStream(
                resource: call.resource,
                namespace: call.info.namespace,
                options: options,
                encoder: encoder(call, responder),
                writer: responder.writer,
                faults: faults,
                number: faults.beginWatch(),
                truncation: responder.truncation
            )
            switch try await open(call, options, version, responder) {
            case .failure(let failure):
                try await responder.beginStream()
                try await stream.fail(failure)
            case .success(let opening):
                defer { store.endWatch(opening.subscription, call.resource) }
                // Whoever has the head knows that the watch is open.
                try await responder.beginStream()
                let pacemaker = Task { await pace(opening.subscription, timeout: timeout, options) }
                defer { pacemaker.cancel() }
                try await stream.run(opening)
            }
        }
    }

    /// Subscribes to what the parameters ask for, or tells the error the stream ends with.
    private func open(
        _ call: Call,
        _ options: ListOptions,
        _ version: Int64?,
        _ responder: Responder
    ) async throws -> Result<WatchStream.Opening, APIStatus> {
        let isStreamingList =
            options.sendsInitialEvents == true
            || (options.sendsInitialEvents == nil && version == 0 && options.allowsBookmarks)
        if isStreamingList, configuration.streamingLists == .refusedByStorage {
            return .failure(
                APIStatus(
                    500,
                    "InternalError",
                    "a watch stream was requested by the client but the required storage feature RequestWatchProgress "
                        + "is disabled"
                )
            )
        }
        if isStreamingList, let version, version > store.revision {
            try await responder.beginStream()
            try await clock.sleep(for: .seconds(3))
            let current = store.revision
            if version > current { return .failure(.tooLargeResourceVersion(version, current: current)) }
        }
        let beginsWithState =
            options.sendsInitialEvents ?? (version == nil || version == 0)
        let namespace: String? =
            call.resource.isNamespaced ? (call.info.namespace.isEmpty ? nil : call.info.namespace) : ""
        if beginsWithState {
            return .success(
                WatchStream.Opening(
                    subscription: store.watchFromNow(call.resource, namespace: namespace),
                    marksEnd: isStreamingList && options.allowsBookmarks
                )
            )
        }
        let start = version ?? store.revision
        guard let subscription = store.watch(call.resource, after: start) else {
            let floor = try store.read { $0.floor(call.resource).watches }
            return .failure(
                .gone(
                    call.resource.isCached
                        ? "too old resource version: \(start) (\(floor))"
                        : "The resourceVersion for the provided watch is too old."
                )
            )
        }
        return .success(WatchStream.Opening(subscription: subscription, marksEnd: false))
    }

    /// Tells a watch when a bookmark is due and when its time is over: bookmarks come regularly and two seconds before
    /// the end.
    private func pace(_ subscription: Store.Subscription, timeout: Duration, _ options: ListOptions) async {
        let last = timeout - .seconds(2)
        var elapsed = Duration.zero
        do {
            if options.allowsBookmarks {
                while elapsed < last {
                    let step = min(configuration.bookmarkInterval, last - elapsed)
                    try await clock.sleep(for: step)
                    elapsed += step
                    if !faults.isStorageDown { store.bookmark(subscription) }
                }
            }
            try await clock.sleep(for: timeout - elapsed)
            subscription.watcher.send(.timeout)
        } catch {
            // The watch is over.
        }
    }
}
