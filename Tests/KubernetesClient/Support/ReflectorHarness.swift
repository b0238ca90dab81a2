import HTTPTransport
import KubernetesObjects
import KubernetesScripts
import Synchronization

@testable import KubernetesClient

/// A reflector of Services that runs against a scripted server and a clock that stands still; its updates as text.
final class ReflectorHarness: Sendable {
    let server: ScriptedServer
    let clock = TestClock()
    /// Clients made so far: one more with each renewed connection.
    let clients = Mutex(0)
    private let updates = AsyncStream<String>.makeStream()
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(
        _ replies: [ScriptedServer.Reply],
        streams: Bool = false,
        credentials: CredentialSource = .none
    ) {
        server = ScriptedServer(replies)
        var settings = ListWatchMachine.Settings()
        settings.streamsLists = streams
        settings.watchSeconds = 300...300
        let connection = ClusterConnection(
            ClusterConfiguration(server: "https://h", credentials: credentials, source: "test"),
            credentials: CredentialProvider(credentials, environment: [:])
        ) { [self] _ in
            clients.withLock { $0 += 1 }
            return server
        }
        let reflector = Reflector<ServiceObject>(
            ListWatchMachine(scope: CollectionScope(.services), settings: settings, random: FixedRandom()),
            connection: connection,
            clock: clock.clientClock
        ) { [updates] update, _ in
            updates.continuation.yield(Self.text(update))
        }
        task.withLock { $0 = Task { await reflector.run() } }
    }

    /// The next `count` updates.
    func next(_ count: Int = 1) async -> [String] {
        var texts: [String] = []
        for await text in updates.stream {
            texts.append(text)
            if texts.count == count { break }
        }
        return texts
    }

    func stop() async {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    private static func text(_ update: CollectionUpdate<ServiceObject>) -> String {
        switch update {
        case .snapshot(let objects, let unreadable):
            "snapshot "
                + (objects.map(name) + unreadable.map { "?\($0.metadata?.name ?? "")" }).sorted().joined(separator: " ")
        case .changes(let changes):
            "changes "
                + changes.map { change in
                    switch change {
                    case .set(let object): "+\(name(object))"
                    case .removed(let object): "-\(name(object))"
                    case .unreadable(let object): "?\(object.metadata?.name ?? "")"
                    }
                }.joined(separator: " ")
        case .confirmed: "confirmed"
        case .troubled(let trouble): "troubled: \(trouble)"
        case .recovered: "recovered"
        case .restarted(let reason): "restarted \(reason)"
        }
    }

    private static func name(_ object: ServiceObject) -> String {
        "\(object.metadata.name)@\(object.metadata.resourceVersion)"
    }
}
