import CAllocationCounter
import DNSCore
import Testing

@Suite(.enabled(if: allocation_counter_is_available())) struct AllocationTests {
    @Test("a million mixed queries are answered without an allocation or a reference count")
    func million() {
        #if DEBUG
        let rounds = 100_000
        #else
        let rounds = 1_000_000
        #endif
        let requests = PacketCase.all.filter { $0.transport == .datagram }.map(\.request)
        // All in one buffer, so that handing them over costs nothing either.
        let bytes = requests.flatMap { $0 }
        let offsets = requests.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        let store = ZoneFixture.store()
        let reader = store.epochs.makeReader()
        defer { store.epochs.remove(reader) }
        var scratch = AnswerScratch()
        let options = AnswerOptions()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1232, alignment: 8)
        defer { buffer.deallocate() }

        var answered = 0
        var octets = 0
        let counts = bytes.withUnsafeBufferPointer { bytes in
            offsets.withUnsafeBufferPointer { offsets in
                store.read(as: reader) { zones in
                    var query = 0
                    for round in 0..<(rounds + offsets.count) {
                        // Once through all, for what the runtime sets up at the first use of a type.
                        if round == offsets.count { allocation_counter_start() }
                        let request = UnsafeBufferPointer(rebasing: bytes[offsets[query]..<offsets[query + 1]])
                        let outcome = answer(
                            request.span,
                            over: .datagram,
                            zones: zones,
                            options: options,
                            scratch: &scratch,
                            into: buffer
                        )
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
