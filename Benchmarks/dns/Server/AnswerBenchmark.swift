import DNSCore
import Glibc

/// What `answer` alone costs, without sockets: to be run under `perf stat` or callgrind, which count instructions where times
/// are noise.
struct AnswerBenchmark {
    private let zone = BenchmarkZone(services: 2000, endpoints: 3)

    /// Answers as many queries of the load as told: plainly, with EDNS, and with EDNS and a good cookie; then as often with a
    /// rate limit.
    func run(count: Int) {
        let store = ZoneStore()
        let served = zone.makeZone(BenchmarkZone.apex, in: store)
        served.apply(zone.changes)
        store.serve([served])
        let secret = CookieSecrets(current: .random())
        for (name, edns, cookie, limit) in [
            ("plain", false, false, false), ("EDNS", true, false, false), ("EDNS, cookie", true, true, false),
            ("EDNS, rate limit", true, false, true),
        ] {
            var options = AnswerOptions()
            options.cookies = secret
            var asker = Asker(store: store, options: options, isLimited: limit)
            let requests = requests(edns: edns, cookie: cookie ? asker.learnCookie() : nil)
            asker.answer(requests, count: requests.count)
            let start = now()
            asker.answer(requests, count: count)
            let nanoseconds = (now() - start) * 1e9 / Double(count)
            print("answer, \(name): \(Int(nanoseconds)) ns of CPU")
        }
    }

    private func requests(edns: Bool, cookie: [UInt8]?) -> [[UInt8]] {
        zone.questions.map { name, type in
            var query = Message(id: 1, flags: .recursionDesired, questions: [.init(name: name, type: type)])
            let options = cookie.map { [Message.Extension.Option(code: 10, data: $0)] } ?? []
            if edns { query.edns = .init(udpPayloadSize: 4096, options: options) }
            return query.encoded()
        }
    }

    private func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// Asks in batches, as a worker does.
private struct Asker: ~Copyable {
    private static let batch = 32

    private let store: ZoneStore
    private let options: AnswerOptions
    private let reader: ReadEpochs.Reader
    private let client = ClientAddress(ipv4: 0x7f00_0001)
    private let time = QueryTime(seconds: 1_700_000_000, ticks: 0)
    private var scratch = AnswerScratch()
    private var limiter: RateLimiter?
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1232, alignment: 8)

    init(store: ZoneStore, options: AnswerOptions, isLimited: Bool) {
        self.store = store
        self.options = options
        reader = store.epochs.makeReader()
        if isLimited { limiter = RateLimiter(RateLimit(perSecond: 1_000_000)) }
    }

    deinit {
        store.epochs.remove(reader)
        buffer.deallocate()
    }

    mutating func answer(_ requests: [[UInt8]], count: Int) {
        // In one piece, so that handing them over costs nothing.
        let bytes = requests.flatMap { $0 }
        let ends = requests.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        bytes.withUnsafeBufferPointer { bytes in
            ends.withUnsafeBufferPointer { ends in
                var left = count
                while left > 0 {
                    for start in stride(from: 0, to: requests.count, by: Self.batch) {
                        answer(start..<min(start + Self.batch, requests.count), of: bytes, ends)
                    }
                    left -= requests.count
                }
            }
        }
    }

    private mutating func answer(
        _ batch: Range<Int>,
        of bytes: UnsafeBufferPointer<UInt8>,
        _ ends: UnsafeBufferPointer<Int>
    ) {
        func request(_ index: Int) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(rebasing: bytes[ends[index]..<ends[index + 1]])
        }
        store.read(as: reader) { zones in
            for index in batch { anticipate(request(index).span, zones: zones, scratch: &scratch) }
            for index in batch {
                let outcome = DNSCore.answer(
                    request(index).span,
                    from: client,
                    over: .datagram,
                    at: time,
                    zones: zones,
                    options: options,
                    scratch: &scratch,
                    into: buffer
                )
                _ = limiter?.limit(outcome, to: client, at: time, scratch: scratch, in: buffer)
            }
        }
    }

    /// A whole cookie for this client.
    mutating func learnCookie() -> [UInt8] {
        let query = Message(
            id: 1,
            edns: .init(udpPayloadSize: 1232, options: [.init(code: 10, data: Array(repeating: 1, count: 8))])
        )
        answer([query.encoded()], count: 1)
        let response = try? Message(decoding: Array(buffer.prefix(12 + 11 + 4 + 24)))
        return response?.edns?.options.first?.data ?? []
    }
}
