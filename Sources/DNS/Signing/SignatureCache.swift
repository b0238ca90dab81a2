internal import Crypto
internal import Synchronization

/// Signatures made before, by the digest of the key and of what they sign: what comes back unchanged is not signed anew.
///
/// Bounded: two generations of at most `capacity` signatures. When the young one is full it becomes the old one, whose
/// signatures go unless they were used again. An entry takes some 200 octets, hash table included.
package final class SignatureCache: Sendable {
    /// What is made to last, as sets of the zone's own, and what is of the moment or of the asker's choice, as SOA and denials
    /// are. The one does not displace the other.
    package enum Kind: Sendable {
        case lasting
        case passing
    }

    struct Key: Hashable {
        /// A SHA-256 digest.
        let words: (UInt64, UInt64, UInt64, UInt64)

        init(_ octets: [UInt8], signedBy publicKey: [UInt8]) {
            var hash = SHA256()
            hash.update(data: publicKey)
            hash.update(data: octets)
            words = hash.finalize().withUnsafeBytes { bytes in
                (
                    bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
                )
            }
        }

        static func == (left: Key, right: Key) -> Bool { left.words == right.words }

        /// A digest is as good as any hash of it.
        func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
    }

    struct Entry: Equatable {
        var window: SignatureWindow
        /// 64 octets.
        var signature: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

        init(window: SignatureWindow, signature octets: [UInt8]) {
            self.window = window
            signature = (0, 0, 0, 0, 0, 0, 0, 0)
            withUnsafeMutableBytes(of: &signature) { $0.copyBytes(from: octets.prefix(64)) }
        }

        var octets: [UInt8] { withUnsafeBytes(of: signature) { Array($0) } }

        static func == (left: Entry, right: Entry) -> Bool {
            left.window == right.window && left.octets == right.octets
        }
    }

    private struct Generations {
        let capacity: Int
        var young: [Key: Entry] = [:]
        var old: [Key: Entry] = [:]

        mutating func find(_ key: Key) -> Entry? {
            if let entry = young[key] { return entry }
            guard let entry = old[key] else { return nil }
            insert(entry, for: key)
            return entry
        }

        mutating func insert(_ entry: Entry, for key: Key) {
            if young.count >= capacity {
                old = young
                young = [:]
            }
            young[key] = entry
        }
    }

    private let lasting: Mutex<Generations>
    private let passing: Mutex<Generations>

    /// - Parameters: signatures in a generation of each kind.
    package init(lasting: Int = 393_216, passing: Int = 8192) {
        self.lasting = Mutex(Generations(capacity: max(1, lasting)))
        self.passing = Mutex(Generations(capacity: max(1, passing)))
    }

    /// How many signatures are held.
    package var count: Int {
        lasting.withLock { $0.young.count + $0.old.count } + passing.withLock { $0.young.count + $0.old.count }
    }

    func find(_ key: Key, _ kind: Kind) -> Entry? {
        switch kind {
        case .lasting: lasting.withLock { $0.find(key) }
        case .passing: passing.withLock { $0.find(key) }
        }
    }

    func insert(_ entry: Entry, for key: Key, _ kind: Kind) {
        switch kind {
        case .lasting: lasting.withLock { $0.insert(entry, for: key) }
        case .passing: passing.withLock { $0.insert(entry, for: key) }
        }
    }
}

/// From when to when a signature is valid, in seconds since 1970.
struct SignatureWindow: Hashable {
    private static let lifetime: Int64 = 14 * 86_400
    /// For validators whose clock is behind.
    private static let grace: Int64 = 3600

    var inception: Int64
    var expiration: Int64

    init(at now: Int64, spread: UInt64) {
        inception = now - Self.grace - Int64(spread % 600)
        // Not all together: signatures of one moment expire over four days.
        expiration = now + Self.lifetime - Int64((spread >> 10) % 345_600)
    }

    /// Whether a signature is still to be given out: until half of its time is over, which leaves caches and secondaries the
    /// other half.
    func isFresh(at now: Int64) -> Bool {
        now >= inception && now - inception < (expiration - inception) / 2
    }
}
