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
            try await responder.beginStream()
            let stream = WatchStream(
                resource: call.resource,
                namespace: call.info.namespace,
                options: options,
                encoder: encoder(call, responder),
                writer: responder.writer,
                faults: faults,
                truncation: responder.truncation
            )
            guard let opening = try await open(call, options, version, stream) else { return }
            defer { store.endWatch(opening.subscription, call.resource) }
            let pacemaker = Task { await pace(opening.subscription, timeout: timeout, options) }
            defer { pacemaker.cancel() }
            try await stream.run(opening)
        }
    }

    /// Subscribes to what the parameters ask for; `nil` when the stream ends with an error instead.
    private func open(
        _ call: Call,
        _ options: ListOptions,
        _ version: Int64?,
        _ stream: WatchStream
    ) async throws -> WatchStream.Opening? {
        let isStreamingList =
            options.sendsInitialEvents == true
            || (options.sendsInitialEvents == nil && version == 0 && options.allowsBookmarks)
        if isStreamingList, configuration.streamingLists == .refusedByStorage {
            try await stream.fail(
                APIStatus(
                    500,
                    "InternalError",
                    "a watch stream was requested by the client but the required storage feature RequestWatchProgress "
                        + "is disabled"
                )
            )
            return nil
        }
        if isStreamingList, let version, version > store.revision {
            try await clock.sleep(for: .seconds(3))
            let current = store.revision
            if version > current {
                try await stream.fail(.tooLargeResourceVersion(version, current: current))
                return nil
            }
        }
        let beginsWithState =
            options.sendsInitialEvents ?? (version == nil || version == 0)
        let namespace: String? =
            call.resource.isNamespaced ? (call.info.namespace.isEmpty ? nil : call.info.namespace) : ""
        if beginsWithState {
            return WatchStream.Opening(
                subscription: store.watchFromNow(call.resource, namespace: namespace),
                marksEnd: isStreamingList && options.allowsBookmarks
            )
        }
        let start = version ?? store.revision
        guard let subscription = store.watch(call.resource, after: start) else {
            let floor = try store.read { $0.floor(call.resource).watches }
            try await stream.fail(
                .gone(
                    call.resource.isCached
                        ? "too old resource version: \(start) (\(floor))"
                        : "The resourceVersion for the provided watch is too old."
                )
            )
            return nil
        }
        return WatchStream.Opening(subscription: subscription, marksEnd: false)
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
