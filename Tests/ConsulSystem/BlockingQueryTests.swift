import HTTPTransport
import ServiceCatalog
import Testing

@testable import ConsulSystem

@Suite struct BlockingQueryTests {
    @Test("The first read does not wait; the next waits on what it gave")
    func first() {
        var query = BlockingQuery()
        #expect(query.index == nil)
        #expect(query.received(7) == .changed)
        #expect(query.index == 7)
    }

    @Test("A wait that runs out returns the same index and nothing new")
    func unchanged() {
        var query = BlockingQuery()
        _ = query.received(7)
        #expect(query.received(7) == .unchanged)
        #expect(query.received(9) == .changed)
    }

    @Test("An index that goes backwards starts over")
    func backwards() {
        var query = BlockingQuery()
        _ = query.received(100)
        #expect(query.received(40) == .restarted)
        #expect(query.index == nil)
        #expect(query.received(40) == .changed)
        #expect(query.index == 40)
    }

    @Test("What wakes a query without telling the state has it read; an index that fell then still starts over")
    func woken() {
        var query = BlockingQuery()
        _ = query.received(100)
        #expect(query.woken(100) == false)
        #expect(query.index == 100)
        #expect(query.woken(101) == true)
        #expect(query.index == nil)
        #expect(query.received(101) == .changed)
        #expect(query.woken(40) == true)
        // Others have written much in between.
        #expect(query.received(200) == .restarted)
        #expect(query.received(200) == .changed)
        #expect(query.woken(nil) == true)
    }

    @Test("Index 0 is taken for 1, which waits; 0 never would")
    func zero() {
        var query = BlockingQuery()
        _ = query.received(0)
        #expect(query.index == 1)
    }

    @Test("Without the header nothing can be waited on")
    func missing() {
        var query = BlockingQuery()
        _ = query.received(5)
        #expect(query.received(nil) == .changed)
        #expect(query.index == nil)
    }

    @Test("Something in between that answers at once, and nothing new, is not asked without a pause")
    func answeredAtOnce() async {
        let (requests, request) = AsyncStream.makeStream(of: Void.self)
        let http = ScriptedHTTP { (asked) throws(HTTPError) in
            request.yield()
            let body = asked.url.contains("node-services") ? #"{"Node":null,"Services":[]}"# : "[]"
            return HTTPResponse(status: 200, headers: ["X-Consul-Index": "7"], body: Array(body.utf8))
        }
        let target = ConsulTarget(
            system: "dc1",
            cluster: "east",
            configuration: ConsulConfiguration(address: "http://consul:8500"),
            http: http
        )
        let begin = ContinuousClock.now
        let following = Task { await target.follow {} }
        var count = 0
        for await _ in requests {
            count += 1
            if count == 42 { break }
        }
        // Two loops.
        #expect(ContinuousClock.now - begin >= .milliseconds(50) * 19)
        following.cancel()
        await following.value
    }

    @Test(
        "Small answers may be read often, large ones and many seldom",
        arguments: [(0, 1, 50), (50_000, 1, 50), (4_000_000, 1, 2000), (0, 60, 3000), (0, 9000, 10_000), (0, 0, 50)]
    )
    func pace(byteCount: Int, requests: Int, milliseconds: Int) {
        #expect(ReadingPace.delay(afterReading: byteCount, requests: requests) == .milliseconds(milliseconds))
    }
}
