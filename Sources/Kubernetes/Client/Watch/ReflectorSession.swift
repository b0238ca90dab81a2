import HTTPTransport
import KubernetesObjects

/// What a reflector holds while it runs. A value, so that the task that reads a watch can take it and give it back.
struct ReflectorSession<Object: ReadableObject>: Sendable {
    enum Ending: Sendable {
        case decided(ListWatchMachine.Decision)
        case failed(APIFailure)
    }

    /// The most that is read of an error's body.
    private static var errorBodyLimit: Int { 64 << 10 }

    private let connection: ClusterConnection
    private let clock: ClientClock
    private let consume: Reflector<Object>.Consumer
    var machine: ListWatchMachine
    private(set) var staging = Staging<Object>()
    private var decoding = DecodingContext()
    /// The last attempt, whose credential or connection may have to be replaced.
    private var attempt: ClusterConnection.Attempt?

    init(
        _ machine: ListWatchMachine,
        connection: ClusterConnection,
        clock: ClientClock,
        consume: @escaping Reflector<Object>.Consumer
    ) {
        self.machine = machine
        self.connection = connection
        self.clock = clock
        self.consume = consume
    }

    mutating func take(_ note: ListWatchMachine.Note, arrived: ContinuousClock.Instant? = nil) async {
        let now = arrived ?? clock.now
        switch note {
        case .discard: staging = Staging()
        case .commit:
            let snapshot = staging.snapshot
            staging = Staging()
            await consume(snapshot, now)
        case .report(let trouble): await consume(.troubled(trouble), now)
        case .recovered: await consume(.recovered, now)
        case .restarted(let reason): await consume(.restarted(reason), now)
        case .renewConnection: connection.renew(after: attempt)
        }
    }

    mutating func refreshCredential() async -> ListWatchMachine.Decision {
        do throws(APIFailure) {
            try await connection.refreshCredential(after: attempt)
            return machine.refreshed()
        } catch {
            return machine.failed(error, at: clock.now)
        }
    }

    /// Takes a credential and a client for the request. A credential plugin may take its time.
    mutating func begin(
        _ reading: CollectionScope.Reading
    ) async throws(APIFailure) -> (request: APIRequest, attempt: ClusterConnection.Attempt) {
        let attempt = try await connection.attempt()
        self.attempt = attempt
        return (machine.scope.request(reading, encoding: machine.encoding), attempt)
    }

    // MARK: Lists

    mutating func list(_ reading: CollectionScope.Reading) async -> ListWatchMachine.Decision {
        do throws(APIFailure) {
            let (request, attempt) = try await begin(reading)
            let response = try await connection.send(request, with: attempt)
            let head = HTTPResponseHead(status: response.status, headers: response.headers)
            guard response.status == 200 else { throw .refused(KubernetesStatus(head, body: response.body)) }
            let encoding = try Self.encoding(of: head)
            let page: ObjectList<Object>
            do throws(ObjectDecodingError) {
                page = try ObjectDecoder<Object>.decodeList(response.body, encoding: encoding, context: &decoding)
            } catch {
                throw .unreadable("a list: \(error)")
            }
            staging.add(page)
            return machine.listed(version: page.resourceVersion, token: page.continueToken, at: clock.now)
        } catch {
            return machine.failed(error, at: clock.now)
        }
    }

    private static func encoding(of head: HTTPResponseHead) throws(APIFailure) -> ObjectEncoding {
        let type = head.headers["Content-Type"]
        guard let encoding = ObjectEncoding(contentType: type) else {
            throw .unreadable("its Content-Type is \(type.map { "\"\($0.prefix(80))\"" } ?? "missing")")
        }
        return encoding
    }

    // MARK: Watches

    mutating func follow(
        _ request: APIRequest,
        _ attempt: ClusterConnection.Attempt,
        _ alarm: SilenceAlarm
    ) async -> Ending {
        do throws(APIFailure) {
            let stream = try await connection.stream(request, with: attempt)
            alarm.disarm()
            guard stream.head.status == 200 else { throw await refusal(stream, alarm) }
            let encoding = try Self.encoding(of: stream.head)
            for note in machine.opened(at: clock.now) { await take(note) }
            return .decided(try await read(stream, encoding, alarm))
        } catch {
            return .failed(error)
        }
    }

    private mutating func read(
        _ stream: HTTPStream,
        _ encoding: ObjectEncoding,
        _ alarm: SilenceAlarm
    ) async throws(APIFailure) -> ListWatchMachine.Decision {
        var framer = WatchFramer(encoding: encoding)
        while true {
            alarm.arm(machine.silenceLimit)
            guard let bytes = try await next(stream) else { return machine.ended(at: clock.now) }
            let arrived = clock.now
            alarm.disarm()
            framer.append(bytes)
            if let decision = try await take(&framer, encoding, arrived) { return decision }
        }
    }

    /// Takes the whole frames that have arrived: their changes as one batch.
    private mutating func take(
        _ framer: inout WatchFramer,
        _ encoding: ObjectEncoding,
        _ arrived: ContinuousClock.Instant
    ) async throws(APIFailure) -> ListWatchMachine.Decision? {
        var batch: [ObjectChange<Object>] = []
        var isConfirmed = false
        while true {
            let event: WatchEvent<Object>
            do throws(APIFailure) {
                guard let next = try nextEvent(&framer, encoding) else { break }
                event = next
            } catch {
                await deliver(&batch, arrived)
                throw error
            }
            let (change, signal) = Self.parts(of: event)
            let reception = machine.received(signal, at: arrived)
            switch (reception.use, change) {
            case (.stage, let change?): staging.apply(change)
            case (.deliver, let change?): batch.append(change)
            case (.none, _), (_, nil): isConfirmed = true
            }
            if reception.notes.isEmpty, reception.step == nil { continue }
            await deliver(&batch, arrived)
            if let step = reception.step { return .init(reception.notes, step) }
            for note in reception.notes { await take(note, arrived: arrived) }
        }
        if isConfirmed, batch.isEmpty { await consume(.confirmed, arrived) }
        await deliver(&batch, arrived)
        return nil
    }

    private func deliver(_ batch: inout [ObjectChange<Object>], _ arrived: ContinuousClock.Instant) async {
        guard !batch.isEmpty else { return }
        let changes = batch
        batch = []
        await consume(.changes(changes), arrived)
    }

    private mutating func nextEvent(
        _ framer: inout WatchFramer,
        _ encoding: ObjectEncoding
    ) throws(APIFailure) -> WatchEvent<Object>? {
        let frame: [UInt8]?
        do throws(WatchFramer.FrameTooLong) {
            frame = try framer.next()
        } catch {
            throw .unreadable(error.description)
        }
        guard let frame else { return nil }
        do throws(ObjectDecodingError) {
            return try ObjectDecoder<Object>.decodeEvent(frame, encoding: encoding, context: &decoding)
        } catch {
            throw .unreadable("a watch event: \(error)")
        }
    }

    private static func parts(
        of event: WatchEvent<Object>
    ) -> (change: ObjectChange<Object>?, signal: ListWatchMachine.Signal) {
        switch event {
        case .added(let object), .modified(let object):
            (.set(object), .changed(version: object.metadata.resourceVersion))
        case .deleted(let object):
            (.removed(object), .changed(version: object.metadata.resourceVersion))
        case .bookmark(let version, let endsInitialEvents):
            (nil, .bookmark(version: version, endsInitialEvents: endsInitialEvents))
        case .error(let status):
            (nil, .error(status))
        case .malformed(let object):
            (.unreadable(object), .changed(version: object.metadata?.resourceVersion ?? ""))
        }
    }

    private func next(_ stream: HTTPStream) async throws(APIFailure) -> [UInt8]? {
        do throws(HTTPError) {
            return try await stream.next()
        } catch {
            throw .transport(error)
        }
    }

    /// The error that the answer is, as far as its body can be had.
    private func refusal(_ stream: HTTPStream, _ alarm: SilenceAlarm) async -> APIFailure {
        var body: [UInt8] = []
        while body.count < Self.errorBodyLimit {
            alarm.arm(machine.silenceLimit)
            guard let bytes = try? await next(stream) else { break }
            body += bytes
        }
        return .refused(KubernetesStatus(stream.head, body: body))
    }
}
