/// How many records of a CNAME chain an answer holds at most.
private let aliasLimit = 8

/// Follows the question's name through the served zones, appends what is asked for, and says how it ended.
///
/// RFC 1034 section 4.3.2 for a server without delegations and wildcards; a chain of aliases ends with the code of its last
/// name (RFC 6604).
@inline(__always)
func resolve(
    _ question: Question,
    from client: ClientAddress,
    in zones: borrowing ServedZones,
    _ options: borrowing AnswerOptions,
    scratch: inout AnswerScratch,
    writer: inout ResponseWriter
) -> ResponseCode {
    scratch.nameLength = question.nameLength
    guard var match = zones.find(scratch.name, count: question.nameLength) else {
        writer.report(.notAuthoritative)
        return .refused
    }
    writer.zone = match.label
    guard match.isOpen(to: client) else {
        writer.report(.prohibited)
        return .refused
    }
    var isStale = false
    switch match.zone.freshness {
    case .unready:
        writer.report(.notReady)
        return .servFail
    case .expired:
        writer.report(.invalidData)
        return .servFail
    case .stale:
        isStale = true
        writer.report(.staleAnswer)
    case .current: break
    }
    writer.markAuthoritative()
    writer.note(match.zone)
    scratch.visitedCount = 0
    if question.type == .ds, match.cut == 0,
        let code = resolveDelegation(to: match, in: zones, client, scratch, &writer)
    {
        return code
    }

    // Compression pointers to the name looked up and to the apex of its zone. Both occur in the question.
    var owner: UInt16 = 0xC00C
    var apex = 0xC000 | UInt16(Header.size + match.cut)
    while true {
        guard let block = match.zone.find(scratch.name, count: match.cut) else {
            writer.appendAuthority(of: match.zone, apex: apex)
            if isStale { writer.report(.staleNXDomainAnswer) }
            return .nxDomain
        }
        if let set = question.type == .any ? block.smallestSet : block.set(question.type.rawValue) {
            let first = options.rotatesAddresses && set.stride > 0 ? scratch.nextTurn(set.count) : 0
            let start = writer.end
            if writer.append(set, to: .answer, owner: owner, apex: apex, first: first) {
                appendAddresses(
                    ofTargetsIn: set,
                    at: start,
                    in: match,
                    zones,
                    client,
                    scratch: &scratch,
                    writer: &writer
                )
            } else {
                let maximum = block.commonAddressCount(of: set, in: writer.room)
                writer.appendPrefix(of: set, owner: owner, apex: apex, maximum: maximum)
                writer.markTruncated()
            }
            return .noError
        }
        guard let alias = block.set(RecordType.cname.rawValue) else {
            writer.appendAuthority(of: match.zone, apex: apex)
            return .noError
        }
        guard writer.answers < aliasLimit, scratch.visit(block) else { return .noError }
        let start = writer.end
        guard writer.append(alias, to: .answer, owner: owner, apex: apex) else {
            writer.markTruncated()
            return .noError
        }
        let labels = expandTarget(of: alias, in: match, into: scratch.name)
        scratch.nameLength = labels + (alias.hasApexPointers ? match.apexLength : 0)
        guard let next = zones.find(scratch.name, count: scratch.nameLength),
            next.isVisible(to: client)
        else { return .noError }
        let target = 0xC000 | UInt16(truncatingIfNeeded: start + EncodedSet.recordHeader)
        // A target that ends in a pointer to this apex is in this zone, or in one below whose apex is among its labels.
        if !alias.hasApexPointers || next.cut < labels { apex = target + UInt16(next.cut) }
        owner = alias.hasApexPointers && labels == 0 ? apex : target
        match = next
        if match.zone.freshness == .stale, !isStale {
            isStale = true
            writer.report(.staleAnswer)
        }
        writer.note(match.zone)
    }
}

/// DS is the upper zone's (RFC 4035 section 3.1.4.1): where the zone above is served too, it answers that there is none.
/// Whether there is one is the signer's to say.
///
/// `nil` where no zone above is served.
private func resolveDelegation(
    to lower: ServedZones.Match,
    in zones: borrowing ServedZones,
    _ client: ClientAddress,
    _ scratch: borrowing AnswerScratch,
    _ writer: inout ResponseWriter
) -> ResponseCode? {
    let label = 1 + Int(scratch.name.load(as: UInt8.self))
    guard label < lower.apexLength,
        let upper = zones.find(scratch.name + label, count: lower.apexLength - label), upper.isVisible(to: client)
    else { return nil }
    writer.zone = upper.label
    writer.note(upper.zone)
    if lower.zone.isSigned, writer.elaboration == .none { writer.elaboration = .signatures }
    writer.appendAuthority(of: upper.zone, apex: 0xC000 | UInt16(Header.size + label + upper.cut))
    return .noError
}

/// Writes the target of an alias in full, and returns how many octets of it stand in the record as labels.
private func expandTarget(
    of alias: EncodedSet,
    in match: ServedZones.Match,
    into name: UnsafeMutableRawPointer
) -> Int {
    // The record was made from a valid name, so target and apex together have at most 255 octets.
    let data = alias.records + EncodedSet.recordHeader
    let labels = alias.length - EncodedSet.recordHeader - (alias.hasApexPointers ? 2 : 0)
    name.copyMemory(from: data, byteCount: labels)
    if alias.hasApexPointers { (name + labels).copyMemory(from: match.apex, byteCount: match.apexLength) }
    return labels
}

/// Appends the addresses of the hosts that SRV and NS records name (RFC 2782, RFC 1035 section 3.3.11), in the order of the
/// records and each once, until one set does not fit. That is no truncation (RFC 2181 section 9).
///
/// - Parameter start: where the set begins in the message.
@inline(__always)
private func appendAddresses(
    ofTargetsIn set: EncodedSet,
    at start: Int,
    in match: ServedZones.Match,
    _ zones: borrowing ServedZones,
    _ client: ClientAddress,
    scratch: inout AnswerScratch,
    writer: inout ResponseWriter
) {
    let isService = set.type == RecordType.srv.rawValue
    guard isService || set.type == RecordType.ns.rawValue else {
        if set.type == RecordType.svcb.rawValue || set.type == RecordType.https.rawValue {
            appendBindingAddresses(ofTargetsIn: set, at: start, zones, client, scratch: &scratch, writer: &writer)
        }
        return
    }
    if isService { prefetchTargets(of: set, in: match.zone.table) }
    let targetOffset = EncodedSet.recordHeader + (isService ? 6 : 0)
    var offset = 0
    for index in 0..<set.count {
        let next = offset + set.recordLength(at: offset)
        let target = set.records + offset + targetOffset
        let count = next - offset - targetOffset
        let position = start + offset + targetOffset
        offset = next
        guard position < 0x4000 else { return }
        let block =
            isService
            ? findService(target, count: count, hash: set.targetHash(at: index), match, zones, client, &writer)
            : findNameServer(target, count: count, match.zone, zones, client, &writer)
        guard let block, scratch.visit(block) else { continue }
        let owner = 0xC000 | UInt16(truncatingIfNeeded: position)
        guard writer.appendAddresses(block.set(RecordType.a.rawValue), owner: owner),
            writer.appendAddresses(block.set(RecordType.aaaa.rawValue), owner: owner)
        else { return }
    }
}

/// As above, of the targets that SVCB and HTTPS records name (RFC 9460 section 4.1). A target written as the root is the owner
/// itself, where clients do not look for addresses of a name with a scheme.
@inline(never)
private func appendBindingAddresses(
    ofTargetsIn set: EncodedSet,
    at start: Int,
    _ zones: borrowing ServedZones,
    _ client: ClientAddress,
    scratch: inout AnswerScratch,
    writer: inout ResponseWriter
) {
    let targetOffset = EncodedSet.recordHeader + 2
    var offset = 0
    for _ in 0..<set.count {
        let next = offset + set.recordLength(at: offset)
        let target = set.records + offset + targetOffset
        let position = start + offset + targetOffset
        let room = next - offset - targetOffset
        offset = next
        guard position < 0x4000 else { return }
        guard let count = nameLength(target, within: room), count > 1,
            let block = find(target, count: count, zones, client, &writer), scratch.visit(block)
        else { continue }
        let owner = 0xC000 | UInt16(truncatingIfNeeded: position)
        guard writer.appendAddresses(block.set(RecordType.a.rawValue), owner: owner),
            writer.appendAddresses(block.set(RecordType.aaaa.rawValue), owner: owner)
        else { return }
    }
}

/// The length of a name written in full; `nil` where there is none in data that nothing has looked into before.
private func nameLength(_ name: UnsafeRawPointer, within room: Int) -> Int? {
    var offset = 0
    while offset < min(room, 255) {
        let length = Int((name + offset).load(as: UInt8.self))
        guard length < 64 else { return nil }
        offset += 1 + length
        if length == 0 { return offset }
    }
    return nil
}

/// Hosts lie anywhere in memory. Asking for all of them before the first is read costs one wait for memory, not one each.
@inline(__always)
private func prefetchTargets(of set: EncodedSet, in table: NameTable) {
    for index in 0..<min(set.count, 16) {
        let hash = set.targetHash(at: index)
        if hash != 0 { table.prefetch(hash: hash) }
    }
}

@inline(__always)
private func findService(
    _ target: UnsafeRawPointer,
    count: Int,
    hash: UInt64,
    _ match: ServedZones.Match,
    _ zones: borrowing ServedZones,
    _ client: ClientAddress,
    _ writer: inout ResponseWriter
) -> NameBlock? {
    if hash != 0, let block = match.zone.find(target, count: count - match.apexLength, hash: hash) { return block }
    return find(target, count: count, zones, client, &writer)
}

private func findNameServer(
    _ target: UnsafeRawPointer,
    count: Int,
    _ zone: ZoneImage,
    _ zones: borrowing ServedZones,
    _ client: ClientAddress,
    _ writer: inout ResponseWriter
) -> NameBlock? {
    if let labels = labelsBeforePointer(target) { return zone.find(target, count: labels) }
    return find(target, count: count, zones, client, &writer)
}

private func find(
    _ name: UnsafeRawPointer,
    count: Int,
    _ zones: borrowing ServedZones,
    _ client: ClientAddress,
    _ writer: inout ResponseWriter
) -> NameBlock? {
    guard let match = zones.find(name, count: count), match.isVisible(to: client) else { return nil }
    writer.note(match.zone)
    return match.zone.find(name, count: match.cut)
}

/// The octets of labels before the pointer that ends a name; `nil` when the name is written in full.
private func labelsBeforePointer(_ name: UnsafeRawPointer) -> Int? {
    var offset = 0
    while true {
        let length = (name + offset).load(as: UInt8.self)
        if length == 0 { return nil }
        if length >= 0xC0 { return offset }
        offset += 1 + Int(length)
    }
}

extension ResponseWriter {
    /// False when there is a set and it does not fit.
    @inline(__always)
    fileprivate mutating func appendAddresses(_ set: EncodedSet?, owner: UInt16) -> Bool {
        guard let set else { return true }
        return append(set, to: .additional, owner: owner, apex: owner)
    }
}

extension NameBlock {
    /// What answers ANY: one set, the smallest (RFC 8482 section 4.1).
    fileprivate var smallestSet: EncodedSet? {
        var smallest: EncodedSet?
        for index in 0..<setCount {
            let set = set(at: index)
            if set.length < smallest?.length ?? .max { smallest = set }
        }
        return smallest
    }

    /// How many records of a set that must be cut to keep: for addresses of a name with both families so many of each as
    /// fit of the longer kind, so that A and AAAA show the same hosts.
    fileprivate func commonAddressCount(of set: EncodedSet, in room: Int) -> Int {
        guard set.stride > 0, let ipv6 = self.set(RecordType.aaaa.rawValue), self.set(RecordType.a.rawValue) != nil
        else {
            return .max
        }
        return room / ipv6.stride
    }
}
