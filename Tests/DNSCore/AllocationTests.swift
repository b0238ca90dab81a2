import CAllocationCounter
import DNSCore
import Testing

@Suite(.enabled(if: allocation_counter_is_available())) struct AllocationTests {
    @Test("a million mixed queries, everything on, are answered without an allocation or a reference count")
    func million() {
        let rounds = 1_000_000
        let packets = PacketCase.all.filter { $0.transport == .datagram }
        let requests = packets.map(\.request)
        let clients = packets.map(\.client)
        // All in one buffer, so that handing them over costs nothing either.
        let bytes = requests.flatMap { $0 }
        let offsets = requests.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        let store = ZoneFixture.store()
        let reader = store.epochs.makeReader()
        defer { store.epochs.remove(reader) }
        var scratch = AnswerScratch()
        // Everything on: rotation, cookies, NSID, access lists, and a limit that some of the answers run into.
        var options = ZoneFixture.options
        options.rotatesAddresses = true
        var limiter = RateLimiter(RateLimit(perSecond: 10_000))
        var time = ZoneFixture.time
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1232, alignment: 8)
        defer { buffer.deallocate() }

        var answered = 0
        var octets = 0
        var limited = 0
        let counts = bytes.withUnsafeBufferPointer { bytes in
            offsets.withUnsafeBufferPointer { offsets in
                store.read(as: reader) { zones in
                    var query = 0
                    for round in 0..<(rounds + offsets.count) {
                        // Once through all, for what the runtime sets up at the first use of a type.
                        if round == offsets.count { allocation_counter_start() }
                        let request = UnsafeBufferPointer(rebasing: bytes[offsets[query]..<offsets[query + 1]])
                        if round % 64 == 0 { time.ticks &+= 1 }
                        var outcome = answer(
                            request.span,
                            from: clients[query],
                            over: .datagram,
                            at: time,
                            zones: zones,
                            options: options,
                            scratch: &scratch,
                            into: buffer
                        )
                        outcome = limiter.limit(outcome, to: clients[query], at: time, scratch: scratch, in: buffer)
                        limited += outcome.limit == .none ? 0 : 1
                        answered += outcome.length > 0 ? 1 : 0
                        octets += outcome.length
                        query = query + 2 < offsets.count ? query + 1 : 0
                    }
                    return allocation_counter_stop()
                }
            }
        }
        #expect(counts.allocations == 0)
        #expect(counts.references == 0)
        #expect(answered > rounds / 2 && octets > answered * 50)
        #expect(limited > 0)
    }

    @Test("the counter sees allocations and references when there are any")
    func control() {
        let sink = Sink()
        allocation_counter_start()
        sink.keep(Sink())
        sink.keep(Sink())
        let counts = allocation_counter_stop()
        #expect(counts.allocations == 2)
        #expect(counts.references >= 2)
    }
}

/// Holds what it is given, in a way the optimizer cannot see through.
private final class Sink {
    var kept: Sink?

    @inline(never)
    func keep(_ other: Sink) { kept = other }
}
