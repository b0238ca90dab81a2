/// The secrets from which server cookies are made (RFC 9018). Servers that share them accept each other's cookies.
package struct CookieSecrets: Hashable, Sendable {
    /// 128 bits that nobody else knows.
    package struct Secret: Hashable, Sendable, CustomStringConvertible {
        /// As they stand in memory, little endian.
        fileprivate let low: UInt64
        fileprivate let high: UInt64

        /// Reads 32 hexadecimal digits.
        package init?(_ text: some StringProtocol) {
            guard text.utf8.count == 32, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
                let low = UInt64(text.prefix(16), radix: 16), let high = UInt64(text.suffix(16), radix: 16)
            else { return nil }
            self.low = low.byteSwapped
            self.high = high.byteSwapped
        }

        private init(low: UInt64, high: UInt64) {
            self.low = low
            self.high = high
        }

        /// A new one. Cookies made from it are worth nothing after a restart, or to another replica.
        package static func random() -> Secret {
            Secret(low: .random(in: .min ... .max), high: .random(in: .min ... .max))
        }

        package var description: String { "a secret" }
    }

    /// Makes cookies and checks them.
    package var current: Secret
    /// Only checks them: the one before, or the one to come, while secrets are exchanged (RFC 9018 section 5).
    package var other: Secret?

    package init(current: Secret, other: Secret? = nil) {
        self.current = current
        self.other = other
    }
}

/// What a query's COOKIE option was worth.
package enum CookieStatus: UInt8, Sendable {
    /// None was sent.
    case absent
    /// The client's half alone.
    case clientOnly
    /// A server's half that is too old, or was never made here for this client.
    case invalid
    /// The client is where it says it is.
    case valid
}

/// A cookie of both halves: the client's 8 octets, then version, reserved octets, time and hash (RFC 9018 section 4). Words
/// stand as in memory, little endian.
struct Cookie {
    static let option: UInt16 = 10
    static let clientLength = 8
    static let length = 24
    /// With a server's half of any make (RFC 7873 section 4).
    static let lengths = 16...40

    /// Seconds that a cookie is worth something, and after which a new one is given (RFC 9018 section 4.3).
    private static let lifetime: Int32 = 3600
    private static let renewal: Int32 = 1800
    /// Seconds by which another replica's clock may be ahead.
    private static let ahead: Int32 = 300

    var client: UInt64
    /// Version, reserved octets and time.
    var head: UInt64
    var hash: UInt64

    /// A new cookie.
    @inline(__always)
    init(client: UInt64, at seconds: UInt32, for address: ClientAddress, _ secret: CookieSecrets.Secret) {
        self.client = client
        head = UInt64(seconds.byteSwapped) << 32 | 1
        hash = Self.hash(client, head, address, secret)
    }

    /// The cookie that the answer to a query gets, and what the one of the query was worth.
    ///
    /// - Parameters:
    ///   - option: the data of the query's option, `count` octets of a permitted length.
    ///   - seconds: since 1970.
    @inline(__always)
    static func answering(
        _ option: UnsafeRawPointer,
        count: Int,
        from address: ClientAddress,
        at seconds: UInt32,
        _ secrets: CookieSecrets
    ) -> (cookie: Cookie, status: CookieStatus) {
        func word(_ offset: Int) -> UInt64 {
            UInt64(littleEndian: option.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        let client = word(0)
        var status = CookieStatus.clientOnly
        if count > clientLength {
            status = .invalid
            if count == length {
                let head = word(8)
                let hash = word(16)
                let age = Int32(bitPattern: seconds &- UInt32(truncatingIfNeeded: head >> 32).byteSwapped)
                // The first octet is the version. Reserved octets count in the hash, whatever they are.
                if head & 0xff == 1, age <= lifetime, age >= -ahead {
                    if Self.hash(client, head, address, secrets.current) == hash {
                        if age <= renewal {
                            return (Cookie(client: client, head: head, hash: hash), .valid)
                        }
                        status = .valid
                    } else if let other = secrets.other, Self.hash(client, head, address, other) == hash {
                        status = .valid
                    }
                }
            }
        }
        return (Cookie(client: client, at: seconds, for: address, secrets.current), status)
    }

    private init(client: UInt64, head: UInt64, hash: UInt64) {
        self.client = client
        self.head = head
        self.hash = hash
    }

    /// Writes 24 octets.
    @inline(__always)
    func write(to data: UnsafeMutableRawPointer) {
        data.storeBytes(of: client.littleEndian, as: UInt64.self)
        data.storeBytes(of: head.littleEndian, toByteOffset: 8, as: UInt64.self)
        data.storeBytes(of: hash.littleEndian, toByteOffset: 16, as: UInt64.self)
    }

    @inline(__always)
    private static func hash(
        _ client: UInt64,
        _ head: UInt64,
        _ address: ClientAddress,
        _ secret: CookieSecrets.Secret
    ) -> UInt64 {
        var sip = SipHash(key: (secret.low, secret.high))
        sip.append(client)
        sip.append(head)
        if address.isIPv4 {
            return sip.finish(UInt64(UInt32(truncatingIfNeeded: address.low).byteSwapped), count: 20)
        }
        sip.append(address.high.byteSwapped)
        sip.append(address.low.byteSwapped)
        return sip.finish(0, count: 32)
    }
}
