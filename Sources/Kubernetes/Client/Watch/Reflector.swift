import HTTPTransport
package import KubernetesObjects

/// Keeps a consumer told of everything in one collection: performs what ``ListWatchMachine`` decides.
package struct Reflector<Object: ReadableObject>: Sendable {
    /// Takes an update, with the moment its bytes arrived. While it runs nothing more is read, so that a slow consumer
    /// slows the server down instead of filling memory.
    package typealias Consumer = @Sendable (CollectionUpdate<Object>, ContinuousClock.Instant) async -> Void

    private let connection: ClusterConnection
    private let machine: ListWatchMachine
    private let clock: ClientClock
    private let consume: Consumer

    package init(
        _ machine: ListWatchMachine,
        connection: ClusterConnection,
        clock: ClientClock = .continuous,
        consume: @escaping Consumer
    ) {
        self.machine = machine
        self.connection = connection
        self.clock = clock
        self.consume = consume
    }

    /// Reads until the task is cancelled.
    package func run() async {
        var session = ReflectorSession<Object>(machine, connection: connection, clock: clock, consume: consume)
        var decision = session.machine.start()
        while !Task.isCancelled {
            for note in decision.notes { await session.take(note) }
            switch decision.step {
            case .wait(let duration):
                guard (try? await clock.sleep(for: duration)) != nil else { return }
                decision = session.machine.waited()
            case .refreshCredential:
                decision = await session.refreshCredential()
            case .read(.page(let limit, let token)):
                decision = await session.list(.page(limit: limit, continueToken: token))
            case .read(let reading):
                decision = await follow(reading, &session)
            }
        }
    }

    /// Reads a watch in a task of its own, which is ended when it hears nothing for too long.
    private func follow(
        _ reading: CollectionScope.Reading,
        _ session: inout ReflectorSession<Object>
    ) async -> ListWatchMachine.Decision {
        let begun: (request: APIRequest, attempt: ClusterConnection.Attempt)
        do throws(APIFailure) {
            begun = try await session.begin(reading)
        } catch {
            return session.machine.failed(error, at: clock.now)
        }
        let alarm = SilenceAlarm(clock: clock, limit: session.machine.silenceLimit)
        let started = session
        let (ended, ending, wasSilent) = await withTaskGroup { group in
            group.addTask { () -> (ReflectorSession<Object>, ReflectorSession<Object>.Ending)? in
                var session = started
                let ending = await session.follow(begun.request, begun.attempt, alarm)
                return (session, ending)
            }
            group.addTask {
                try? await alarm.wait()
                return nil
            }
            var outcome: (ReflectorSession<Object>, ReflectorSession<Object>.Ending)?
            var wasSilent = false
            for await result in group {
                if let result { outcome = result } else { wasSilent = outcome == nil }
                group.cancelAll()
            }
            return (outcome!.0, outcome!.1, wasSilent)
        }
        session = ended
        switch ending {
        case .decided(let decision): return decision
        case .failed where wasSilent: return session.machine.failed(.silent, at: clock.now)
        case .failed(let failure): return session.machine.failed(failure, at: clock.now)
        }
    }
}

extension Reflector {
    /// Reads a collection once, in pages. What may pass is not waited for: the first trouble is thrown.
    package static func list(
        _ scope: CollectionScope,
        connection: ClusterConnection,
        clock: ClientClock = .continuous
    ) async throws(Trouble) -> (objects: [Object], unreadable: [MalformedObject]) {
        var settings = ListWatchMachine.Settings()
        settings.streamsLists = false
        var session = ReflectorSession<Object>(
            ListWatchMachine(scope: scope, settings: settings),
            connection: connection,
            clock: clock
        ) { _, _ in }
        var decision = session.machine.start()
        while true {
            for note in decision.notes {
                if case .commit = note { return (session.staging.readable, session.staging.unreadable) }
                if case .report(let trouble) = note { throw trouble }
                await session.take(note)
            }
            switch decision.step {
            case .read(let reading): decision = await session.list(reading)
            case .refreshCredential: decision = await session.refreshCredential()
            // Nothing is waited for without a report.
            case .wait: decision = session.machine.waited()
            }
        }
    }
}
