/// Writes one response into a buffer, never beyond its limit.
///
/// Records are copied whole or not at all. Pointers and lengths come from blocks and from what has been written here, so
/// the one check each append makes against the limit is all that is needed.
struct ResponseWriter: ~Copyable {
    /// OPT without options: root, type, size, extended code, version, flags, length.
    private static let optSize = 11

    let base: UnsafeMutableRawPointer
    private(set) var end = Header.size
    private let capacity: Int
    private var limit: Int
    private var flags: HeaderFlags
    private let id: UInt16
    private var questions: UInt16 = 0
    private(set) var answers: UInt16 = 0
    private var authorities: UInt16 = 0
    private var additionals: UInt16 = 0
    /// The OPT record of the response as far as it is known: `optLength` octets in the scratch's memory, none without EDNS.
    private let opt: UnsafeMutableRawPointer
    private var optLength = 0
    private var dnssecOK = false
    /// Where the code of the extended error stands in it, zero for none.
    private var errorOffset = 0
    private var type = RecordType(rawValue: 0)
    /// The label of the zone that answers.
    var zone: UInt16 = 0
    /// What the answer leaves to be done.
    var elaboration = Elaboration.none
    /// What the query's cookie was worth.
    var cookie = CookieStatus.absent
    /// Where the question ends.
    private var questionEnd = Header.size

    /// - Parameters:
    ///   - buffer: at least 512 octets.
    ///   - limit: 512 octets or more.
    ///   - opt: memory for an OPT record, `AnswerScratch.optCapacity` octets.
    @inline(__always)
    init(
        _ buffer: UnsafeMutableRawBufferPointer,
        limit: Int,
        replyingTo header: Header,
        opt: UnsafeMutableRawPointer
    ) {
        precondition(buffer.count >= 512 && limit >= 512, "every DNS message may have 512 octets")
        base = buffer.baseAddress.unsafelyUnwrapped
        capacity = buffer.count
        self.limit = min(capacity, limit)
        self.opt = opt
        id = header.id
        // Opcode and RD come back, QR is set, all else begins clear.
        flags = HeaderFlags(rawValue: header.flags.rawValue & 0x7900 | 0x8000)
    }

    /// Notes that records of a zone take part in the answer.
    @inline(__always)
    mutating func note(_ zone: ZoneImage) {
        if zone.isSigned, elaboration == .none, dnssecOK { elaboration = .signatures }
    }

    var isTruncated: Bool { flags.contains(.truncated) }

    @inline(__always)
    var room: Int { limit - end }

    @inline(__always)
    mutating func markAuthoritative() { flags.insert(.authoritative) }

    @inline(__always)
    mutating func markTruncated() { flags.insert(.truncated) }

    /// Copies the question as it was asked, case and all.
    @inline(__always)
    mutating func echo(_ question: Question, of request: Span<UInt8>) {
        // At most 12 + 255 + 4 octets: always below the limit.
        request.withUnsafeBufferPointer { bytes in
            let source = bytes.baseAddress.unsafelyUnwrapped + Header.size
            (base + Header.size).copyMemory(from: source, byteCount: question.end - Header.size)
        }
        end = question.end
        questionEnd = end
        questions = 1
        type = question.type
    }

    /// Sets the limit agreed on and keeps room for the OPT record of the response.
    @inline(__always)
    mutating func negotiate(_ options: QueryOptions, ownPayloadSize: UInt16, limit: Int) {
        self.limit = min(capacity, limit) - Self.optSize
        optLength = Self.optSize
        opt.storeBytes(of: 0, as: UInt8.self)
        opt.storeBytes(of: RecordType.opt.rawValue.bigEndian, toByteOffset: 1, as: UInt16.self)
        opt.storeBytes(of: ownPayloadSize.bigEndian, toByteOffset: 3, as: UInt16.self)
        dnssecOK = options.dnssecOK
        let flags: UInt32 = dnssecOK ? 0x8000 : 0
        opt.storeBytes(of: flags.bigEndian, toByteOffset: 5, as: UInt32.self)
    }

    /// Adds an option to OPT, and returns where its `length` octets of data go. `nil` without EDNS or where it has no room.
    @inline(__always)
    mutating func appendOption(_ code: UInt16, length: Int) -> UnsafeMutableRawPointer? {
        guard optLength > 0, 4 + length <= min(room, AnswerScratch.optCapacity - optLength) else { return nil }
        let option = opt + optLength
        option.storeBytes(of: code.bigEndian, as: UInt16.self)
        option.storeBytes(of: UInt16(truncatingIfNeeded: length).bigEndian, toByteOffset: 2, as: UInt16.self)
        optLength += 4 + length
        limit -= 4 + length
        return option + 4
    }

    /// Says why the answer is what it is, to those who speak EDNS. A later call takes the place of an earlier one.
    mutating func report(_ error: ExtendedError) {
        if errorOffset == 0 {
            guard let code = appendOption(ExtendedError.option, length: 2) else { return }
            errorOffset = code - opt
        }
        opt.storeBytes(of: error.rawValue.bigEndian, toByteOffset: errorOffset, as: UInt16.self)
    }

    // MARK: - Records

    enum Section { case answer, authority, additional }

    @inline(__always)
    private mutating func count(_ records: Int, in section: Section) {
        let records = UInt16(truncatingIfNeeded: records)
        switch section {
        case .answer: answers &+= records
        case .authority: authorities &+= records
        case .additional: additionals &+= records
        }
    }

    /// Appends all records of a set, or none and returns false.
    ///
    /// - Parameters:
    ///   - owner: a pointer to the owner, as it is written.
    ///   - apex: a pointer to the apex of the set's zone.
    ///   - first: the record to begin with; the ones before it follow at the end. Zero for sets that do not rotate.
    @inline(__always)
    mutating func append(
        _ set: EncodedSet,
        to section: Section,
        owner: UInt16,
        apex: UInt16,
        first: Int = 0
    ) -> Bool {
        guard set.length <= room else { return false }
        let split = first * set.stride
        let destination = base + end
        destination.copyMemory(from: set.records + split, byteCount: set.length - split)
        if split > 0 {
            (destination + (set.length - split)).copyMemory(from: set.records, byteCount: split)
        }
        complete(set, length: set.length, owner: owner, apex: apex)
        count(set.count, in: section)
        return true
    }

    /// Appends as many whole records as fit, from the first on, but at most `maximum`.
    mutating func appendPrefix(of set: EncodedSet, owner: UInt16, apex: UInt16, maximum: Int) {
        var length = 0
        var records = 0
        while records < min(set.count, maximum) {
            let next = length + set.recordLength(at: length)
            guard next <= room else { break }
            length = next
            records += 1
        }
        (base + end).copyMemory(from: set.records, byteCount: length)
        complete(set, length: length, owner: owner, apex: apex)
        count(records, in: .answer)
    }

    /// Fills the pointers into `length` octets of records just copied to the end, and takes them into the message.
    @inline(__always)
    private mutating func complete(_ set: EncodedSet, length: Int, owner: UInt16, apex: UInt16) {
        if owner != 0xC00C || set.hasApexPointers {
            var offset = end
            while offset < end + length {
                base.storeBytes(of: owner.bigEndian, toByteOffset: offset, as: UInt16.self)
                let data = base.loadUnaligned(fromByteOffset: offset + 10, as: UInt16.self)
                if set.hasApexPointers {
                    set.fillApexPointers(in: base + offset + EncodedSet.recordHeader, with: apex)
                }
                offset += EncodedSet.recordHeader + Int(UInt16(bigEndian: data))
            }
        }
        end += length
    }

    /// Appends the SOA record that goes with a negative answer (RFC 2308 section 3).
    @inline(__always)
    mutating func appendAuthority(of zone: ZoneImage, apex: UInt16) {
        let start = end
        guard let set = zone.apex.set(RecordType.soa.rawValue),
            append(set, to: .authority, owner: apex, apex: apex)
        else { return markTruncated() }
        base.storeBytes(of: zone.fields.pointee.negativeTTL, toByteOffset: start + 6, as: UInt32.self)
    }

    // MARK: - End

    /// Ends with REFUSED and its reason.
    mutating func refuse(_ error: ExtendedError) -> Outcome {
        report(error)
        return finish(.refused)
    }

    /// Writes OPT and the header.
    @inline(__always)
    mutating func finish(_ code: ResponseCode) -> Outcome {
        if optLength > 0 {
            let record = base + end
            record.copyMemory(from: opt, byteCount: optLength)
            record.storeBytes(of: UInt8(truncatingIfNeeded: code.rawValue >> 4), toByteOffset: 5, as: UInt8.self)
            let options = UInt16(truncatingIfNeeded: optLength - Self.optSize)
            record.storeBytes(of: options.bigEndian, toByteOffset: 9, as: UInt16.self)
            end += optLength
            additionals += 1
        }
        let head = UInt32(id) << 16 | UInt32(flags.rawValue | code.rawValue & 0xf)
        base.storeBytes(of: head.bigEndian, as: UInt32.self)
        base.storeBytes(of: questions.bigEndian, toByteOffset: 4, as: UInt16.self)
        base.storeBytes(of: answers.bigEndian, toByteOffset: 6, as: UInt16.self)
        base.storeBytes(of: authorities.bigEndian, toByteOffset: 8, as: UInt16.self)
        base.storeBytes(of: additionals.bigEndian, toByteOffset: 10, as: UInt16.self)
        return Outcome(
            length: end,
            code: code,
            type: type,
            zone: zone,
            elaboration: elaboration,
            cookie: cookie,
            questionEnd: UInt16(truncatingIfNeeded: questionEnd),
            optLength: UInt16(truncatingIfNeeded: optLength)
        )
    }
}
