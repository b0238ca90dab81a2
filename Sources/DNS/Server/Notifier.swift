package import DNSCore
package import DNSTransfer
import Glibc
package import Logging
import ServiceCatalog
import Synchronization

/// Tells secondaries of changes over UDP, on a thread and from sockets of its own.
package final class Notifier: Sendable {
    /// What became of messages.
    package enum Event: String, Sendable, CaseIterable {
        case sent
        case repeated
        case acknowledged
        case refused
        /// An answer that is not to be trusted.
        case rejected
        case failed
    }

    package struct Label: Hashable, Sendable {
        package var zone: DomainName
        package var event: Event
    }

    private struct State {
        var machine = NotifyMachine()
        var keys = TSIGKeyring()
        /// The MACs of outstanding requests.
        var codes: [NotifyMachine.Pair: [UInt8]] = [:]
        var counts: [Label: UInt64] = [:]
        var isRunning = false
        var isStopped = false
    }

    private let state = Mutex(State())
    /// A pipe: what is written to its second end wakes the thread.
    private let wake: [Int32]
    private let sockets: [Int32]
    private let logger: Logger

    package init(logger: Logger) {
        self.logger = logger
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        wake = ends
        sockets = [AF_INET, AF_INET6].map { family in
            socket(family, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        }
    }

    deinit {
        for descriptor in sockets + wake where descriptor >= 0 { close(descriptor) }
    }

    package var counts: [Label: UInt64] { state.withLock { $0.counts } }

    /// Tells these secondaries from now on, new ones at once.
    ///
    /// - Parameter unready: zones of which there is nothing to tell before their first change.
    package func follow(
        _ targets: [DomainName: [NotifyMachine.Target]],
        unready: Set<DomainName> = [],
        keys: TSIGKeyring
    ) {
        let isNeeded = state.withLock { state in
            state.keys = keys
            state.machine.follow(targets, unready: unready, now: .now)
            guard !state.isRunning, !state.isStopped, !targets.isEmpty else { return false }
            state.isRunning = true
            return true
        }
        if isNeeded {
            let hasStarted = WorkerThread.start(name: "dns-notify") { [self] in run() }
            if !hasStarted { state.withLock { $0.isRunning = false } }
        }
        signal()
    }

    /// Notes that a zone has changed. Cheap: it never waits for the network.
    package func change(_ zone: Zone) {
        let spacing = Self.spacing(of: zone)
        if state.withLock({ $0.machine.change(zone.apex, spacing: spacing, now: .now) }) { signal() }
    }

    /// How long secondaries are left alone after they were told of a zone. A signed one is sent as a whole after every change:
    /// this keeps what that takes for each secondary at some twentieth of a core.
    private static func spacing(of zone: Zone) -> Duration {
        guard zone.isSigned else { return NotifyMachine.spacing }
        return max(NotifyMachine.spacing, .microseconds(500) * zone.statistics.names)
    }

    package func stop() {
        state.withLock { $0.isStopped = true }
        signal()
    }

    private func signal() {
        var octet: UInt8 = 1
        // A pipe that is full wakes as well.
        _ = write(wake[1], &octet, 1)
    }

    // MARK: - The thread

    private func run() {
        while true {
            let (isStopped, messages, deadline) = state.withLock { state in
                let messages = state.machine.messages(now: .now)
                return (state.isStopped, messages, state.machine.deadline)
            }
            if isStopped { return }
            for message in messages { send(message) }
            var descriptors = ([wake[0]] + sockets).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let wait = deadline.map { Int32(clamping: ContinuousClock.now.duration(to: $0).milliseconds + 1) } ?? -1
            _ = poll(&descriptors, nfds_t(descriptors.count), deadline == nil ? -1 : max(0, wait))
            var octets: (UInt64, UInt64) = (0, 0)
            while read(wake[0], &octets, MemoryLayout.size(ofValue: octets)) > 0 {}
            for socket in sockets where socket >= 0 { receive(socket) }
        }
    }

    private func count(_ zone: DomainName, _ event: Event) {
        state.withLock { $0.counts[Label(zone: zone, event: event), default: 0] += 1 }
    }

    private func send(_ message: NotifyMachine.Message) {
        let pair = message.pair
        var bytes = Message(
            id: message.id,
            flags: HeaderFlags(rawValue: UInt16(Opcode.notify.rawValue) << 11).union(.authoritative),
            questions: [.init(name: pair.zone, type: .soa)]
        ).encoded()
        if let name = pair.target.key {
            guard let key = state.withLock({ $0.keys[name] }) else { return }
            var signer = TSIGSigner(key: key)
            let code = signer.sign(&bytes, now: .now)
            state.withLock { $0.codes[pair] = code }
        }
        let address = pair.target.address
        let socket = sockets[address.address.isIPv4 ? 0 : 1]
        let result = withSocketAddress(address) { sendto(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1) }
        count(pair.zone, result < 0 ? .failed : message.isRepeated ? .repeated : .sent)
        logger.debug(
            "Secondary notified",
            metadata: ["zone": "\(pair.zone)", "peer": "\(address)", "repeated": "\(message.isRepeated)"]
        )
    }

    private func receive(_ socket: Int32) {
        var buffer = [UInt8](repeating: 0, count: 2048)
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let count = withUnsafeMutablePointer(to: &storage) { storage in
                storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(socket, &buffer, buffer.count, 0, $0, &length)
                }
            }
            guard count >= 0 else { return }
            if let source = ListenAddress(storage) { take(Array(buffer[..<count]), from: source) }
        }
    }

    /// Takes in an answer: of an outstanding message, from where that was sent to, and signed if it was.
    private func take(_ bytes: [UInt8], from source: ListenAddress) {
        guard let message = try? Message(decoding: bytes), message.flags.contains(.response),
            message.flags.opcode == .notify,
            let pair = state.withLock({ $0.machine.outstanding(id: message.id, at: source) })
        else { return }
        if pair.target.key != nil {
            let (keys, code) = state.withLock { ($0.keys, $0.codes[pair] ?? []) }
            guard case .genuine(_, _, let signer) = keys.authenticateResponse(bytes, to: code, now: .now),
                signer.key.name == pair.target.key
            else {
                count(pair.zone, .rejected)
                logger.warning(
                    "Answer to NOTIFY has no valid signature; look at the key and the clock of the secondary",
                    metadata: ["zone": "\(pair.zone)", "peer": "\(source)", "code": "\(message.code)"]
                )
                return
            }
        }
        state.withLock { state in
            state.machine.answered(pair)
            state.codes[pair] = nil
        }
        count(pair.zone, message.code == .noError ? .acknowledged : .refused)
        if message.code != .noError {
            logger.warning(
                "Secondary refuses NOTIFY; it must know this server as a primary of the zone",
                metadata: ["zone": "\(pair.zone)", "peer": "\(source)", "code": "\(message.code)"]
            )
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}

private func withSocketAddress<Result>(
    _ address: ListenAddress,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    func call<Address>(_ address: Address) -> Result {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
    switch address.address {
    case .v4(let bits):
        var socket = sockaddr_in()
        socket.sin_family = sa_family_t(AF_INET)
        socket.sin_port = address.port.bigEndian
        socket.sin_addr.s_addr = bits.bigEndian
        return call(socket)
    case .v6(let high, let low):
        var socket = sockaddr_in6()
        socket.sin6_family = sa_family_t(AF_INET6)
        socket.sin6_port = address.port.bigEndian
        withUnsafeMutableBytes(of: &socket.sin6_addr) {
            $0.storeBytes(of: high.bigEndian, as: UInt64.self)
            $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return call(socket)
    }
}

extension ListenAddress {
    fileprivate init?(_ storage: sockaddr_storage) {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let socket = withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in.self) }
            self.init(address: .v4(UInt32(bigEndian: socket.sin_addr.s_addr)), port: UInt16(bigEndian: socket.sin_port))
        case AF_INET6:
            let socket = withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in6.self) }
            let (high, low) = withUnsafeBytes(of: socket.sin6_addr) {
                ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            self.init(
                address: .v6(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low)),
                port: UInt16(bigEndian: socket.sin6_port)
            )
        default: return nil
        }
    }
}
