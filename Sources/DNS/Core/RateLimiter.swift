/// Response rate limiting: how many answers of one kind go to one network in a second.
package struct RateLimit: Hashable, Sendable {
    /// Answers a second, and at once after a pause; 1 to 1,000,000.
    package var perSecond: Int
    /// Every how many limited answers one is sent short, so that a client with a forged address among many askers can come
    /// back over TCP or with a cookie; zero for none.
    package var slip = 2
    /// How many leading bits of an address make the network that shares a limit.
    package var ipv4Prefix = 24
    package var ipv6Prefix = 56
    /// Who is not limited.
    package var exempt = AccessList([])

    package init(perSecond: Int) { self.perSecond = perSecond }
}

/// What the limit has done to an answer.
package enum LimitAction: UInt8, Sendable, CaseIterable {
    case none
    case drop
    /// Sent without records and with TC.
    case truncate
    /// Sent without records, for a client that can come back with the cookie in it.
    case badCookie
}

/// One thread's account of what it has sent to whom: token buckets in memory of a fixed size. Pure but for that memory: time
/// comes from outside.
///
/// A bucket belongs to a network and a kind of answer: the records of a name (or that it has none of a type), that names of
/// a zone do not exist, errors. So random names below a zone share one bucket, and so do random zones.
package struct RateLimiter: ~Copyable {
    private struct Bucket {
        /// A part of the key's hash, zero where nothing is kept.
        var tag: UInt32 = 0
        /// Thousandths of answers that may go at `ticks`.
        var credit: Int32 = 0
        var ticks: UInt32 = 0
        /// Answers held back so far.
        var limited: UInt32 = 0
    }

    /// Buckets among which a key may be: one cache line.
    private static let associativity = 4
    private static let answerCost: Int32 = 1000

    private let rate: Int32
    private let slip: UInt32
    private let ipv4Mask: UInt64
    private let ipv6Mask: UInt128
    private let exempt: UnsafeMutablePointer<AccessList.Range>
    private let exemptCount: Int
    private let buckets: UnsafeMutablePointer<Bucket>
    private let setMask: Int
    private let bucketCount: Int
    private let key = UInt64.random(in: .min ... .max)

    /// - Parameter buckets: how many networks and kinds are told apart, a power of two; 16 octets each.
    package init(_ limit: RateLimit, buckets bucketCount: Int = 65_536) {
        precondition(bucketCount >= Self.associativity && bucketCount & (bucketCount - 1) == 0, "a power of two")
        rate = Int32(max(1, min(1_000_000, limit.perSecond)))
        slip = UInt32(max(0, limit.slip))
        ipv4Mask = ~0 << UInt64(32 - max(0, min(32, limit.ipv4Prefix)))
        ipv6Mask = ~0 << UInt128(128 - max(0, min(128, limit.ipv6Prefix)))
        exemptCount = limit.exempt.ranges.count
        exempt = .allocate(capacity: max(1, exemptCount))
        _ = UnsafeMutableBufferPointer(start: exempt, count: exemptCount).initialize(
            fromContentsOf: limit.exempt.ranges
        )
        self.bucketCount = bucketCount
        setMask = bucketCount / Self.associativity - 1
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: bucketCount * MemoryLayout<Bucket>.stride,
            alignment: 64
        )
        buckets = memory.bindMemory(to: Bucket.self, capacity: bucketCount)
        buckets.initialize(repeating: Bucket(), count: bucketCount)
    }

    deinit {
        buckets.deallocate()
        exempt.deallocate()
    }

    /// Holds an answer to the limit: it stays as it is, becomes short, or is not sent. What is to be elaborated is held to it
    /// before that is paid for; a signed query or a transfer over the limit is left to whoever elaborates it, to be made short.
    ///
    /// - Parameters:
    ///   - outcome: of the answer, which is the datagram in `response`.
    ///   - scratch: the one it was made with.
    @inline(__always)
    package mutating func limit(
        _ outcome: Outcome,
        to client: ClientAddress,
        at time: QueryTime,
        scratch: borrowing AnswerScratch,
        in response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        // A valid cookie says that the client is where it says it is: nobody else is flooded in its name.
        guard outcome.length > 0, outcome.cookie != .valid else { return outcome }
        guard exemptCount == 0 || !AccessList.View(ranges: exempt, count: exemptCount).contains(client) else {
            return outcome
        }
        let hash = hash(outcome, client, scratch)
        guard let limited = charge(hash, at: time.ticks) else { return outcome }
        return outcome.limited(number: limited, slip: slip, in: response)
    }

    /// Takes one answer from the bucket of a key. Returns which one of those to be held back it is; `nil` when it may go.
    private mutating func charge(_ hash: UInt64, at ticks: UInt32) -> UInt32? {
        let bucket = bucket(hash, at: ticks)
        let elapsed = ticks &- bucket.pointee.ticks
        let full = rate * Self.answerCost
        let credit = elapsed >= 1000 ? full : min(full, bucket.pointee.credit + Int32(elapsed) * rate)
        bucket.pointee.ticks = ticks
        guard credit < Self.answerCost else {
            bucket.pointee.credit = credit - Self.answerCost
            return nil
        }
        bucket.pointee.credit = credit
        bucket.pointee.limited &+= 1
        return bucket.pointee.limited
    }

    /// The bucket of a key, at the cost of the one of its set that was used longest ago.
    private func bucket(_ hash: UInt64, at ticks: UInt32) -> UnsafeMutablePointer<Bucket> {
        let set = buckets + (Int(truncatingIfNeeded: hash) & setMask) * Self.associativity
        let tag = UInt32(truncatingIfNeeded: hash >> 32) | 1
        var oldest = set
        for index in 0..<Self.associativity {
            let candidate = set + index
            if candidate.pointee.tag == tag { return candidate }
            guard oldest.pointee.tag != 0 else { continue }
            if candidate.pointee.tag == 0 || ticks &- candidate.pointee.ticks > ticks &- oldest.pointee.ticks {
                oldest = candidate
            }
        }
        oldest.pointee = Bucket(tag: tag, credit: rate * Self.answerCost, ticks: ticks, limited: 0)
        return oldest
    }

    @inline(__always)
    private func hash(_ outcome: Outcome, _ client: ClientAddress, _ scratch: borrowing AnswerScratch) -> UInt64 {
        let kind: UInt64 =
            switch outcome.code {
            case .noError: NameBytes.hash(scratch.name, count: scratch.nameLength, key: key)
            case .nxDomain: 0x1_0000 | UInt64(outcome.zone)
            default: 0x2_0000
            }
        var hash = NameBytes.mix(key ^ kind)
        if client.isIPv4 {
            hash = NameBytes.mix(hash ^ client.low & ipv4Mask)
        } else {
            hash = NameBytes.mix(hash ^ client.high & UInt64(truncatingIfNeeded: ipv6Mask >> 64))
            hash = NameBytes.mix(hash ^ client.low & UInt64(truncatingIfNeeded: ipv6Mask))
        }
        return hash
    }
}

extension Outcome {
    /// What becomes of an answer that is too many.
    ///
    /// - Parameter number: which one of those it is.
    @inline(never)
    fileprivate func limited(
        number: UInt32,
        slip: UInt32,
        in response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        guard slip > 0, number % slip == 0 else {
            var dropped = Outcome.dropped
            dropped.limit = .drop
            return dropped
        }
        var short = self
        guard elaboration == .none || elaboration == .signatures else {
            short.limit = .truncate
            return short
        }
        short.elaboration = .none
        // Errors are as short as it gets, and TC would send the client away for the same error.
        guard code == .noError || code == .nxDomain else { return short }
        let hasCookie = cookie != .absent
        short.limit = hasCookie ? .badCookie : .truncate
        short.code = hasCookie ? .badCookie : .noError
        short.length = Int(questionEnd) + Int(optLength)
        // The answer's own sizes bound every offset. The ranges may overlap.
        let base = response.baseAddress.unsafelyUnwrapped
        (base + Int(questionEnd)).copyMemory(from: base + (length - Int(optLength)), byteCount: Int(optLength))
        var flags = UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        // Opcode, QR and RD stay.
        flags = flags & 0xf900 | (hasCookie ? 0 : HeaderFlags.truncated.rawValue) | short.code.rawValue & 0xf
        base.storeBytes(of: flags.bigEndian, toByteOffset: 2, as: UInt16.self)
        base.storeBytes(of: 0, toByteOffset: 6, as: UInt32.self)
        base.storeBytes(of: UInt16(optLength > 0 ? 1 : 0).bigEndian, toByteOffset: 10, as: UInt16.self)
        if optLength > 0 {
            let extended = UInt8(truncatingIfNeeded: short.code.rawValue >> 4)
            base.storeBytes(of: extended, toByteOffset: Int(questionEnd) + 5, as: UInt8.self)
        }
        return short
    }
}
