/// A record type by number (RFC 1035 section 3.2.2 and its registry).
package struct RecordType: Hashable, Sendable, RawRepresentable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let a = RecordType(rawValue: 1)
    package static let ns = RecordType(rawValue: 2)
    package static let cname = RecordType(rawValue: 5)
    package static let soa = RecordType(rawValue: 6)
    package static let ptr = RecordType(rawValue: 12)
    package static let txt = RecordType(rawValue: 16)
    package static let aaaa = RecordType(rawValue: 28)
    package static let srv = RecordType(rawValue: 33)
    package static let opt = RecordType(rawValue: 41)
    package static let ds = RecordType(rawValue: 43)
    package static let rrsig = RecordType(rawValue: 46)
    package static let nsec = RecordType(rawValue: 47)
    package static let dnskey = RecordType(rawValue: 48)
    package static let cds = RecordType(rawValue: 59)
    package static let cdnskey = RecordType(rawValue: 60)
    package static let svcb = RecordType(rawValue: 64)
    package static let https = RecordType(rawValue: 65)
    /// Never a question (RFC 9824 section 3.4).
    package static let nxname = RecordType(rawValue: 128)
    package static let tkey = RecordType(rawValue: 249)
    package static let tsig = RecordType(rawValue: 250)
    package static let ixfr = RecordType(rawValue: 251)
    package static let axfr = RecordType(rawValue: 252)
    package static let any = RecordType(rawValue: 255)
}

extension RecordType {
    /// True for numbers that only have a meaning in questions or in one message (RFC 6895 section 3.1).
    package var isMeta: Bool { self == .opt || (128...255).contains(rawValue) }
}

/// A record class by number; Portolan serves only IN.
package struct RecordClass: Hashable, Sendable, RawRepresentable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let `in` = RecordClass(rawValue: 1)
    package static let chaos = RecordClass(rawValue: 3)
    package static let any = RecordClass(rawValue: 255)
}

/// The data of one record of the types Portolan makes.
package enum RecordData: Hashable, Sendable {
    case a(UInt32)
    case aaaa(high: UInt64, low: UInt64)
    case ns(DomainName)
    case cname(DomainName)
    case ptr(DomainName)
    /// RFC 2782.
    case srv(priority: UInt16, weight: UInt16, port: UInt16, target: DomainName)
    /// One record of one or more character-strings; each at most 255 octets.
    case txt([[UInt8]])
    case soa(StartOfAuthority)
    /// Data in wire form, for types without a case here (RFC 3597).
    case opaque([UInt8])
}

/// The data of a zone's SOA record (RFC 1035 section 3.3.13). Times are in seconds.
package struct StartOfAuthority: Hashable, Sendable {
    /// MNAME: the primary server.
    package var primary: DomainName
    /// RNAME: the mailbox of whoever answers for the zone, its `@` written as a dot.
    package var mailbox: DomainName
    package var serial: UInt32
    package var refresh: UInt32
    package var retry: UInt32
    package var expire: UInt32
    /// How long a negative answer may be kept (RFC 2308).
    package var minimum: UInt32

    package init(
        primary: DomainName,
        mailbox: DomainName,
        serial: UInt32,
        refresh: UInt32 = 7200,
        retry: UInt32 = 1800,
        expire: UInt32 = 86400,
        minimum: UInt32 = 5
    ) {
        self.primary = primary
        self.mailbox = mailbox
        self.serial = serial
        self.refresh = refresh
        self.retry = retry
        self.expire = expire
        self.minimum = minimum
    }
}

/// All records of one owner and type.
package struct RecordSet: Hashable, Sendable {
    package var type: RecordType
    /// Seconds.
    package var ttl: UInt32
    /// Never empty, no two equal. The order is the one in which records are kept when not all fit.
    package var data: [RecordData]

    package init(type: RecordType, ttl: UInt32, data: [RecordData]) {
        self.type = type
        self.ttl = ttl
        self.data = data
    }
}

/// What an owner name holds from now on. Without sets the name goes, and with it every empty non-terminal that only
/// led to it.
package struct OwnerChange: Hashable, Sendable {
    package var owner: DomainName
    package var sets: [RecordSet]

    package init(owner: DomainName, sets: [RecordSet]) {
        self.owner = owner
        self.sets = sets
    }
}
