import KubernetesObjects

/// Posts Events about objects. Telling costs nothing and cannot fail: what cannot be posted is dropped.
package final class EventRecorder: Sendable {
    /// Waiting events beyond these are dropped.
    private static let queueLimit = 1000

    private let api: KubernetesAPI
    private let reporter: String
    private let instance: String
    private let clock: ClientClock
    private let wallClock: @Sendable () -> Timestamp
    private let queue = AsyncStream<ObjectEvent>.makeStream(bufferingPolicy: .bufferingOldest(queueLimit))

    /// - Parameters:
    ///   - reporter: the program's name.
    ///   - instance: which one of its replicas; the host name serves.
    package init(
        _ api: KubernetesAPI,
        reporter: String = "portolan",
        instance: String,
        clock: ClientClock = .continuous,
        wallClock: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.api = api
        self.reporter = reporter
        self.instance = instance
        self.clock = clock
        self.wallClock = wallClock
    }

    /// Posts `event` some time soon, once.
    package func record(_ event: ObjectEvent) { queue.continuation.yield(event) }

    /// Posts what is recorded, until cancelled. To be run once.
    package func run() async {
        var correlator = EventCorrelator()
        var bucket = TokenBucket(burst: 25, interval: .seconds(5), at: clock.now)
        for await event in queue.stream {
            let verdict = correlator.judge(event, at: clock.now, time: wallClock())
            if case .drop = verdict { continue }
            let delay = bucket.take(at: clock.now)
            if delay > .zero, (try? await clock.sleep(for: delay)) == nil { return }
            switch verdict {
            case .drop:
                break
            case .create(let name):
                await create(event, name)
            case .count(let count, let name):
                guard await !add(count, to: name, event) else { continue }
                await create(event, correlator.remember(event, at: clock.now, time: wallClock()))
            }
        }
    }

    private func create(_ event: ObjectEvent, _ name: String) async {
        // Missing permissions, a namespace being deleted, a server that is away: none of it is worth a word.
        let identity = try? await api.get(event.object)["metadata"]
        let object = event.json(
            name: name,
            identity: identity,
            reporter: reporter,
            instance: instance,
            at: wallClock()
        )
        _ = try? await api.create(object, as: reference(name, event))
    }

    /// - Returns: false when the server no longer has that Event.
    private func add(_ count: Int, to name: String, _ event: ObjectEvent) async -> Bool {
        let patch: JSONValue = ["count": .integer(count), "lastTimestamp": .string(wallClock().time)]
        do throws(APIFailure) {
            _ = try await api.patch(reference(name, event), .merge(patch))
        } catch .refused(let status) where status.code == 404 {
            return false
        } catch {}
        return true
    }

    private func reference(_ name: String, _ event: ObjectEvent) -> ObjectReference {
        ObjectReference(.events, namespace: event.object.namespace ?? "default", name: name)
    }
}
