package import DNSCore

/// Makes of a plain answer one with signatures and denials (RFC 4035 section 3.1, RFC 9824).
package struct SignedAnswer {
    package enum Result: Hashable, Sendable {
        case message([UInt8], ResponseCode)
        /// The zone changed between the plain answer and the look at what it denies: ask again.
        case changed
        /// There is a denial to sign, which was not permitted.
        case notPermitted
        /// There is nothing to sign with, or the plain answer is none that can be signed.
        case failed
    }

    /// How many address sets of an additional section are signed.
    private static let additionalSets = 32

    private struct Group {
        var owner: DomainName
        var set: RecordSet
    }

    private let plain: Message
    private let question: Message.Question
    private let terms: SignatureTerms
    private let edns: Message.Extension?
    private let signers: ZoneSigners
    private let now: Int64

    /// - Parameters:
    ///   - plain: the whole plain answer to the query, not cut to what the asker takes.
    ///   - edns: the OPT record of the response, as it would be without signatures.
    ///   - now: seconds since 1970.
    ///   - zones: the ones it was made from.
    ///   - permit: asked before a signature is made for a denial.
    package static func write(
        over plain: [UInt8],
        _ terms: SignatureTerms,
        edns: Message.Extension?,
        at now: Int64,
        zones: borrowing ServedZones,
        signers: ZoneSigners,
        permit: () -> Bool
    ) -> Result {
        guard let message = try? Message(decoding: plain), let question = message.questions.first else {
            return .failed
        }
        var edns = edns
        if terms.dnssecOK { edns?.compactAnswersOK = terms.compactAnswersOK }
        let answer = SignedAnswer(
            plain: message,
            question: question,
            terms: terms,
            edns: edns,
            signers: signers,
            now: now
        )
        return answer.write(head: Array(plain.prefix(terms.questionEnd)), zones, permit)
    }

    private func write(
        head: [UInt8],
        _ zones: borrowing ServedZones,
        _ permit: () -> Bool
    ) -> Result {
        var answers = Self.groups(plain.answers)
        var authorities = Self.groups(plain.authorities)
        var code = plain.code
        if let soa = authorities.first(where: { $0.set.type == .soa }) {
            let name = finalName(answers)
            if question.type == .ds, answers.isEmpty, let lower = zones.standing(of: name), lower.apex == name,
                soa.owner != name
            {
                let delegation = lower.isSigned ? signers[name]?.delegation ?? [] : []
                if delegation.isEmpty {
                    let denial = Denial(
                        next: name.immediateSuccessor(in: soa.owner),
                        types: [.ns, .rrsig, .nsec]
                    )
                    if isSigned(soa.owner, zones) { authorities.append(Self.group(denial, at: name, beside: soa)) }
                } else {
                    authorities = []
                    answers = [Group(owner: name, set: RecordSet(type: .ds, ttl: soa.set.ttl, data: delegation))]
                }
            } else {
                guard let standing = zones.standing(of: name), standing.apex == soa.owner,
                    standing.exists == (code == .noError), !standing.types.contains(where: answersQuestion)
                else { return .changed }
                if standing.isSigned, terms.dnssecOK {
                    let denial = Denial.compact(
                        name,
                        in: standing.apex,
                        exists: standing.exists,
                        types: standing.types
                    )
                    let group = Self.group(denial, at: name, beside: soa)
                    if question.type == .nsec || question.type == .rrsig {
                        // Both are there for every name, and are made as they are asked for.
                        authorities = []
                        answers.append(group)
                        code = .noError
                    } else {
                        authorities.append(group)
                        if !terms.compactAnswersOK { code = .noError }
                    }
                }
            }
        }
        return encode(head: head, code, answers, authorities, zones, permit)
    }

    private func answersQuestion(_ type: RecordType) -> Bool {
        type == question.type || type == .cname || question.type == .any
    }

    private func encode(
        head: [UInt8],
        _ code: ResponseCode,
        _ answers: [Group],
        _ authorities: [Group],
        _ zones: borrowing ServedZones,
        _ permit: () -> Bool
    ) -> Result {
        var encoder = BoundedEncoder(head: head, name: question.name, edns: edns, code: code, limit: terms.limit)
        // A plain answer that was cut has sets in it that are not whole.
        var isWhole = !plain.flags.contains(.truncated)
        sections: for (groups, section) in [(answers, BoundedEncoder.Section.answer), (authorities, .authority)] {
            for group in groups where isWhole {
                switch append(group, to: section, zones, &encoder, permit) {
                case .fits: break
                case .fitsNot: isWhole = false
                case .notPermitted: return .notPermitted
                case .failed: return .failed
                }
            }
        }
        if isWhole {
            for group in Self.groups(plain.additionals).prefix(Self.additionalSets) {
                guard append(group, to: .additional, zones, &encoder, permit) == .fits else { break }
            }
        }
        var flags = plain.flags
        flags.remove(.truncated)
        if !isWhole { flags.insert(.truncated) }
        return .message(encoder.finish(flags), code)
    }

    private enum Appended { case fits, fitsNot, notPermitted, failed }

    private func append(
        _ group: Group,
        to section: BoundedEncoder.Section,
        _ zones: borrowing ServedZones,
        _ encoder: inout BoundedEncoder,
        _ permit: () -> Bool
    ) -> Appended {
        var records = group.set.data.map { data in
            ResourceRecord(owner: group.owner, type: group.set.type, ttl: group.set.ttl, data: data)
        }
        let apex = group.set.type == .ds ? plain.authorities.first?.owner : zones.standing(of: group.owner)?.apex
        guard terms.dnssecOK, let apex, let signer = signers[apex]?.snapshot, isSigned(apex, zones) else {
            return encoder.append(records, to: section) ? .fits : .fitsNot
        }
        let isDenial = group.set.type == .nsec
        let kind: SignatureCache.Kind = isDenial || group.set.type == .soa ? .passing : .lasting
        var failure: Appended?
        let room = signer.room(for: group.set, of: group.owner)
        func sign() -> [ResourceRecord]? {
            let signatures = signer.signatures(over: group.set, of: group.owner, kind, at: now) {
                guard isDenial, !permit() else { return true }
                failure = .notPermitted
                return false
            }
            if signatures == nil, failure == nil { failure = .failed }
            return signatures
        }
        if question.type == .rrsig, section == .answer, isDenial {
            guard let signatures = sign() else { return failure ?? .failed }
            records = signatures
            return encoder.append(records, to: section) ? .fits : .fitsNot
        }
        let fits = encoder.append(records, to: section, room: room, signatures: sign)
        return failure ?? (fits ? .fits : .fitsNot)
    }

    private func isSigned(_ apex: DomainName, _ zones: borrowing ServedZones) -> Bool {
        zones.standing(of: apex)?.isSigned == true
    }

    // MARK: - Sets

    /// Where the aliases in the answer section lead to.
    private func finalName(_ answers: [Group]) -> DomainName {
        var name = question.name
        for group in answers where group.set.type == .cname {
            if case .cname(let target)? = group.set.data.first { name = target }
        }
        return name
    }

    private static func group(_ denial: Denial, at name: DomainName, beside soa: Group) -> Group {
        // The TTL of a negative answer, as the SOA beside it has it (RFC 9077).
        Group(owner: name, set: RecordSet(type: .nsec, ttl: soa.set.ttl, data: [denial.data]))
    }

    /// The sets that records of one section belong to; those of a set stand together.
    private static func groups(_ records: [ResourceRecord]) -> [Group] {
        var groups: [Group] = []
        for record in records {
            if let last = groups.last, last.owner == record.owner, last.set.type == record.type {
                groups[groups.count - 1].set.data.append(record.data)
            } else {
                let set = RecordSet(type: record.type, ttl: record.ttl, data: [record.data])
                groups.append(Group(owner: record.owner, set: set))
            }
        }
        return groups
    }
}
