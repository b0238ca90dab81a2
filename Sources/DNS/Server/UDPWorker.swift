import CSocket
import DNSCore
import DNSSigning
import Synchronization

/// One thread that answers what one UDP socket receives.
///
/// It waits in the kernel and nowhere else: under light load a query costs one call to receive and one to send, under heavy
/// load many queries share both.
final class UDPWorker: Sendable {
    /// Datagrams taken up by one call.
    private static let batch: UInt32 = 64
    /// The longest query; longer ones are cut and so malformed. An odd number of cache lines, which spreads the requests of a
    /// batch over the cache.
    private static let requestSize: UInt32 = 31 * 64

    private let socket: Int32
    private let zones: ZoneStore
    private let options: AnswerOptions
    private let signers: ZoneSigners?
    private let rateLimit: RateLimit?
    private let transfers: TransferService?
    private let cpu: Int?
    private let isStopping = Atomic(false)
    let counters = ThreadCounters(.udp)

    /// - Parameter socket: becomes the worker's, which closes it.
    init(
        socket: Int32,
        zones: ZoneStore,
        options: AnswerOptions,
        signers: ZoneSigners?,
        transfers: TransferService?,
        rateLimit: RateLimit?,
        cpu: Int?
    ) {
        self.signers = signers
        self.transfers = transfers
        self.socket = socket
        self.zones = zones
        self.options = options
        self.rateLimit = rateLimit
        self.cpu = cpu
    }

    deinit { csocket_close(socket) }

    /// Has ``run()`` answer what has arrived and return.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        csocket_stop_receiving(socket)
    }

    /// Answers until stopped.
    func run() {
        if let cpu { _ = csocket_pin_thread(Int32(cpu)) }
        guard let ring = csocket_ring_create(Self.batch, Self.requestSize, UInt32(options.udpPayloadSize)) else {
            preconditionFailure("no memory for the buffers of a DNS worker")
        }
        defer { csocket_ring_free(ring) }
        let reader = zones.epochs.makeReader()
        defer { zones.epochs.remove(reader) }
        var responder = Responder(
            options: options,
            epochs: zones.epochs,
            signers: signers,
            transfers: transfers,
            rateLimit: rateLimit
        )
        var batches: UInt64 = 0

        while true {
            let count = csocket_receive(ring, socket)
            guard count > 0 else {
                precondition(count == 0, "receiving on a DNS socket: error \(-count)")
                if isStopping.load(ordering: .acquiring) { return }
                continue
            }
            batches &+= 1
            let started = batches % ThreadCounters.sampling == 0 ? ContinuousClock.now : nil
            answer(Int(count), in: ring, as: reader, &responder)
            let unsent = csocket_reply(ring, socket, count)
            if unsent > 0 { counters.add(UInt64(unsent), to: counters.unsent) }
            if let started { counters.observe(started.duration(to: .now), count: Int(count)) }
            // A socket told to stop has given out all it had when it gives nothing.
            if ring.pointee.request_lengths[Int(count) - 1] == 0, isStopping.load(ordering: .acquiring) { return }
        }
    }

    private func answer(
        _ count: Int,
        in ring: UnsafeMutablePointer<csocket_ring>,
        as reader: ReadEpochs.Reader,
        _ responder: inout Responder
    ) {
        let peers = ring
        // The ring's own sizes bound every offset.
        let ring = ring.pointee
        let (requestSize, responseSize) = (Int(ring.request_size), Int(ring.response_size))
        func request(_ index: Int) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(
                start: ring.requests + index * requestSize,
                count: Int(ring.request_lengths[index])
            )
        }
        let now = QueryTime.now
        zones.read(as: reader) { zones in
            if count > 1 {
                for index in 0..<count { responder.anticipate(request(index).span, zones: zones) }
            }
            for index in 0..<count {
                let response = UnsafeMutableRawBufferPointer(
                    start: ring.responses + index * responseSize,
                    count: responseSize
                )
                let outcome = responder.respond(
                    to: request(index).span,
                    from: ClientAddress(csocket_client(peers, Int32(truncatingIfNeeded: index))),
                    over: .datagram,
                    at: now,
                    zones: zones,
                    into: response
                )
                ring.response_lengths[index] = UInt32(truncatingIfNeeded: outcome.length)
                counters.count(outcome)
            }
        }
    }
}

extension ClientAddress {
    @inline(__always)
    fileprivate init(_ client: csocket_client_address) { self.init(high: client.high, low: client.low) }
}
