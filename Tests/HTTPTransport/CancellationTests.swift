import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(5))) struct CancellationTests {
    private let client = makeTrustingClient()

    private func expectCancelled(_ task: Task<Void, any Error>, sourceLocation: SourceLocation = #_sourceLocation) async
    {
        let error = await #expect(throws: HTTPError.self, sourceLocation: sourceLocation) { try await task.value }
        #expect(error?.reason == .cancelled, sourceLocation: sourceLocation)
    }

    @Test("Before the start: nothing is sent", arguments: [false, true])
    func before(isStream: Bool) async throws {
        try await withServer { connection in
            while try await connection.request() != nil { try await connection.respond() }
        } body: { server in
            let isCancelled = Signal()
            let task = Task {
                await isCancelled.wait()
                if isStream {
                    _ = try await client.stream(HTTPRequest(.put, server.url()))
                } else {
                    _ = try await client.send(HTTPRequest(.put, server.url()))
                }
            }
            task.cancel()
            isCancelled.fire()
            await expectCancelled(task)
            // Commands are obeyed in order: this one has come after whatever the first could have sent.
            _ = try await client.send(HTTPRequest(.get, server.url()))
            #expect(server.connections == 1)
        }
    }

    @Test("While connecting")
    func connecting() async throws {
        let accepted = Signal()
        let closed = Signal()
        try await withServer { connection in
            // No TLS handshake comes to an end here.
            accepted.fire()
            await connection.waitForClose()
            closed.fire()
        } body: { server in
            let url = "https://127.0.0.1:\(server.port)/"
            let task = Task { _ = try await client.send(HTTPRequest(.get, url, totalTimeout: nil)) }
            await accepted.wait()
            task.cancel()
            await expectCancelled(task)
            await closed.wait()
        }
    }

    @Test(
        "While waiting for the head, and within the body",
        arguments: [nil, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
    )
    func during(answer: String?) async throws {
        let arrived = Signal()
        let closed = Signal()
        try await withServer { connection in
            _ = try await connection.request()
            if let answer { try await connection.write(answer) }
            arrived.fire()
            await connection.waitForClose()
            closed.fire()
        } body: { server in
            let task = Task { _ = try await client.send(HTTPRequest(.get, server.url(), totalTimeout: nil)) }
            await arrived.wait()
            task.cancel()
            await expectCancelled(task)
            await closed.wait()
        }
    }

    @Test("While reading a stream, and for all later reads")
    func reading() async throws {
        let closed = Signal()
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await connection.waitForClose()
            closed.fire()
        } body: { server in
            let stream = try await client.stream(HTTPRequest(.get, server.url(), totalTimeout: nil))
            let reading = Signal()
            let task = Task {
                reading.fire()
                _ = try await stream.next()
            }
            await reading.wait()
            task.cancel()
            await expectCancelled(task)
            await closed.wait()
            await expectCancelled(Task { _ = try await stream.next() })
        }
    }

    @Test("After the end: the response stays what it is")
    func after() async throws {
        try await withServer { connection in
            while try await connection.request() != nil { try await connection.respond(body: [1]) }
        } body: { server in
            let task = Task { try await client.send(HTTPRequest(.get, server.url())) }
            let before = try await task.value
            task.cancel()
            let after = try await task.value
            #expect(before.body == [1])
            #expect(after.body == [1])
        }
    }

    @Test("Of some among many: the others go on, on their connections")
    func others() async throws {
        let count = 40
        let arrived = Barrier(count + 1)
        let release = Signal()
        try await withServer { connection in
            guard let request = try await connection.request() else { return }
            await arrived.arrive()
            await release.wait()
            try await connection.respond(body: Array(request.target.utf8))
        } body: { server in
            let tasks = (0..<count).map { number in
                Task { try await client.send(HTTPRequest(.get, server.url("/\(number)"), totalTimeout: nil)).body }
            }
            await arrived.arrive()
            for task in tasks.enumerated() where task.offset % 2 == 0 { task.element.cancel() }
            for (number, task) in tasks.enumerated() where number % 2 == 0 {
                let error = await #expect(throws: HTTPError.self) { try await task.value }
                #expect(error?.reason == .cancelled)
            }
            release.fire()
            for (number, task) in tasks.enumerated() where number % 2 == 1 {
                let body = try await task.value
                #expect(body == Array("/\(number)".utf8))
            }
            #expect(server.connections == count)
        }
    }

    @Test("At any moment: each call comes back once, with a response or as cancelled")
    func anyMoment() async throws {
        try await withServer { connection in
            while try await connection.request() != nil { try await connection.respond(body: [1]) }
        } body: { server in
            await withTaskGroup(of: Void.self) { group in
                for round in 0..<300 {
                    // A few at a time: idle connections are kept in a pool of limited size, which other tests need.
                    if round >= 20 { await group.next() }
                    let task = Task { try await client.send(HTTPRequest(.get, server.url())).body }
                    group.addTask {
                        for _ in 0..<(round % 40) { await Task.yield() }
                        task.cancel()
                        switch await task.result {
                        case .success(let body): #expect(body == [1])
                        case .failure(let error): #expect((error as? HTTPError)?.reason == .cancelled)
                        }
                    }
                }
            }
            let response = try await client.send(HTTPRequest(.get, server.url()))
            #expect(response.body == [1])
        }
    }
}
