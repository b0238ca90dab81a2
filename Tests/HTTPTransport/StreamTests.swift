import Glibc
import Synchronization
import Testing

@testable import HTTPTransport

private let chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"

@Suite(.timeLimit(.minutes(5))) struct StreamTests {
    private func watch(_ url: String, idleTimeout: Duration? = nil) -> HTTPRequest {
        HTTPRequest(.get, url, totalTimeout: nil, idleTimeout: idleTimeout)
    }

    @Test("The head arrives while no byte of the body has", arguments: [nil, ServerTLS()])
    func headAtOnce(tls: ServerTLS?) async throws {
        let headHasArrived = Signal()
        try await withServer(tls: tls) { connection in
            _ = try await connection.request()
            try await connection.write(chunkedHead)
            await headHasArrived.wait()
            try await connection.writeChunk([7])
            try await connection.write("0\r\n\r\n")
            await connection.waitForClose()
        } body: { server in
            let stream = try await makeTrustingClient().stream(watch(server.url()))
            #expect(stream.head.status == 200)
            #expect(stream.head.headers["x-a"] == "b")
            headHasArrived.fire()
            #expect(try await stream.next() == [7])
            #expect(try await stream.next() == nil)
            #expect(try await stream.next() == nil)
        }
    }

    @Test("Each piece arrives when it is sent, not when the next one is")
    func drip() async throws {
        let (taken, takes) = AsyncStream.makeStream(of: Void.self)
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.write(chunkedHead)
            var turns = taken.makeAsyncIterator()
            for byte in UInt8(0)..<20 {
                try await connection.writeChunk([byte])
                await turns.next()
            }
            try await connection.write("0\r\n\r\n")
        } body: { server in
            let stream = try await makeClient().stream(watch(server.url()))
            for byte in UInt8(0)..<20 {
                #expect(try await stream.next() == [byte])
                takes.yield()
            }
            #expect(try await stream.next() == nil)
        }
    }

    @Test("An error status has its body")
    func errorStatus() async throws {
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.respond(410, body: Array("gone".utf8))
        } body: { server in
            let stream = try await makeClient().stream(watch(server.url()))
            #expect(stream.head.status == 410)
            #expect(try await stream.collect() == Array("gone".utf8))
        }
    }

    @Test("A connection that is used to the end is used again")
    func reuse() async throws {
        try await withServer { connection in
            while try await connection.request() != nil { try await connection.respond(body: [1]) }
        } body: { server in
            for _ in 0..<5 { _ = try await makeClient().stream(watch(server.url())).collect() }
            _ = try await makeClient().send(HTTPRequest(.get, server.url()))
            #expect(server.connections == 1)
        }
    }

    // MARK: Backpressure

    @Test("A slow reader stops the server, and then gets every byte", arguments: [nil, ServerTLS()])
    func backpressure(tls: ServerTLS?) async throws {
        // Every byte tells its place, modulo 251.
        let piece = (0..<(251 << 12)).map { UInt8($0 % 251) }
        let pieces = 48
        let written = Atomic(0)
        let (progress, ticks) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
        try await withServer(tls: tls) { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(pieces * piece.count)\r\n\r\n")
            for _ in 0..<pieces {
                try await connection.writeThrough(piece)
                ticks.yield(written.add(1, ordering: .sequentiallyConsistent).newValue)
            }
            await connection.waitForClose()
        } body: { server in
            let client = makeTrustingClient()
            let stream = try await client.stream(watch(server.url()))
            for await count in progress where count >= 2 { break }
            // Others go on meanwhile, and what they take is time enough to run ahead for a server nothing stops.
            try await withServer { connection in
                while try await connection.request() != nil { try await connection.respond() }
            } body: { other in
                for _ in 0..<300 { _ = try await client.send(HTTPRequest(.get, other.url())) }
            }
            #expect(written.load(ordering: .sequentiallyConsistent) < pieces / 2, "sockets buffer a few pieces at most")

            var received = 0
            while let chunk = try await stream.next() {
                #expect(chunk.count < Transfer.highWater + (128 << 10))
                let start = received % 251
                let isInOrder = chunk.withUnsafeBytes { chunk in
                    piece.withUnsafeBytes { memcmp($0.baseAddress! + start, chunk.baseAddress!, chunk.count) == 0 }
                }
                #expect(isInOrder)
                received += chunk.count
            }
            #expect(received == pieces * piece.count)
        }
    }

    @Test("A paused transfer is not idle, and a silent one is")
    func pausedIsNotIdle() async throws {
        let time = SteppedTime()
        let client = makeClient(time: time)
        let written = Signal()
        try await withServer { connection in
            let request = try await connection.request()
            guard request?.target == "/large" else { return try await connection.respond() }
            let size = 2 * Transfer.highWater
            try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(size + 1)\r\n\r\n")
            try await connection.writeThrough([UInt8](repeating: 1, count: size))
            written.fire()
            await connection.waitForClose()
        } body: { server in
            let stream = try await client.stream(watch(server.url("/large"), idleTimeout: .seconds(90)))
            await written.wait()
            // In each of these the loop takes from the other socket what is there, until the transfer is paused.
            for _ in 0..<50 { _ = try await client.send(HTTPRequest(.get, server.url())) }
            time.pass(.seconds(1000))
            _ = try await client.send(HTTPRequest(.get, server.url()))

            var received = 0
            while received < 2 * Transfer.highWater, let chunk = try await stream.next() { received += chunk.count }
            #expect(received == 2 * Transfer.highWater)
            let error = await time.passing { await #expect(throws: HTTPError.self) { try await stream.next() } }
            #expect(error?.detail == "the server was silent for 90 s")
        }
    }

    // MARK: Ends

    @Test("Streams begin after any number of requests that never got a connection, or shared one")
    func afterOthers() async throws {
        // More than handles are kept.
        for _ in 0..<40 {
            await #expect(throws: HTTPError.self) {
                try await makeClient().send(HTTPRequest(.get, "http://nowhere.direct.test/"))
            }
        }
        let all = Barrier(40)
        try await withHTTP2Server { stream in
            await all.arrive()
            try await stream.respond()
        } body: { server in
            let client = makeTrustingClient()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 { group.addTask { _ = try await client.send(HTTPRequest(.get, server.url())) } }
                try await group.waitForAll()
            }
        }
        try await withServer { connection in
            while try await connection.request() != nil { try await connection.respond(body: [1]) }
        } body: { server in
            for _ in 0..<40 {
                let body = try await makeClient().stream(watch(server.url())).collect()
                #expect(body == [1])
            }
        }
    }

    @Test("A body that is cut short gives what came, and then an error", arguments: [false, true])
    func cutShort(isReset: Bool) async throws {
        let read = Signal()
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.write(chunkedHead)
            try await connection.writeChunk([1, 2])
            await read.wait()
            if isReset { try await connection.reset() }
        } body: { server in
            let stream = try await makeClient().stream(watch(server.url("/w?secret")))
            #expect(try await stream.next() == [1, 2])
            read.fire()
            for _ in 0..<2 {
                let error = await #expect(throws: HTTPError.self) { try await stream.next() }
                #expect(error?.reason == .response)
                #expect(error?.url == server.url("/w"))
            }
        }
    }

    @Test("A stream that is dropped unread closes its connection", arguments: [nil, ServerTLS()])
    func dropped(tls: ServerTLS?) async throws {
        let closed = Signal()
        try await withServer(tls: tls) { connection in
            _ = try await connection.request()
            try await connection.write(chunkedHead)
            try await connection.writeChunk([1])
            await connection.waitForClose()
            closed.fire()
        } body: { server in
            do {
                let stream = try await makeTrustingClient().stream(watch(server.url()))
                let copy = stream
                #expect(try await copy.next() == [1])
            }
            await closed.wait()
        }
    }

    @Test("A stream lives as long as a copy of it does")
    func copies() async throws {
        let dropped = Signal()
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.write(chunkedHead)
            await dropped.wait()
            try await connection.writeChunk([1])
            try await connection.write("0\r\n\r\n")
        } body: { server in
            var streams = [try await makeClient().stream(watch(server.url()))]
            streams.append(streams[0])
            streams.removeFirst()
            dropped.fire()
            #expect(try await streams[0].collect() == [1])
        }
    }

    @Test("A double for tests is made from a closure")
    func double() async throws {
        let chunks = Mutex([[UInt8(1)], [2, 3]])
        let stream = HTTPStream(head: HTTPResponseHead(status: 200, headers: [:])) {
            chunks.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        }
        #expect(try await stream.collect() == [1, 2, 3])
    }
}
