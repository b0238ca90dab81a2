import ServiceCatalog
import SyncEngine

/// Fits a registration into what Consul can hold. Pure and idempotent.
///
/// Limits (service metadata): 64 pairs; keys of `[a-zA-Z0-9_-]`, at most 128 bytes, not beginning with `consul-`; values
/// of at most 512 bytes. Weights: 1…65535 for passing instances.
enum ConsulNormalForm {
    private static let pairLimit = 64
    private static let keyLimit = 128
    private static let valueLimit = 512
    private static let reservedPrefix = "consul-"
    /// The pairs that are Portolan's in every entry, at most.
    private static let ownPairs = EntryMetadata.Key.allCases.count + 1

    static func of(_ registration: Registration) -> Normalised {
        var result = registration
        var problems: [Problem] = []
        func problem(_ code: Problem.Code, _ text: String) {
            problems.append(Problem(code, "Consul, service \"\(registration.service)\": \(text)"))
        }

        // Consul has no weight 0 for passing instances; one in warning has the weight 0 by ConsulEntry.drainingWeight.
        if result.weight <= 0 {
            result.weight = 1
            if result.health == .passing { result.health = .draining }
        }
        result.weight = min(result.weight, 65535)

        if !isDNSLabel(result.service) {
            problem(
                .nameInvalid,
                "Consul's DNS cannot answer this name: only letters, digits and dashes, at most 63, make one. The "
                    + "annotation \(ServiceSettings.annotationPrefix)name gives another"
            )
        }

        func fit(_ value: inout String, _ what: String) {
            guard value.utf8.count > valueLimit else { return }
            value = value.truncated(to: valueLimit)
            problem(.fieldTruncated, "\(what) is cut to \(valueLimit) bytes")
        }
        func fit(_ value: inout String?, _ what: String) {
            guard var text = value else { return }
            fit(&text, what)
            // An empty value reads back as none.
            value = text.isEmpty ? nil : text
        }
        fit(&result.portName, "the port name")
        fit(&result.appProtocol, "the application protocol")
        fit(&result.instance, "the instance's name")
        fit(&result.node, "the node's name")
        fit(&result.zone, "the zone")
        while EntryMetadata.text(of: result.mark.via).utf8.count > valueLimit {
            result.mark.via.removeLast()
        }

        if !result.metadata.allSatisfy({ isKept($0.key) && $0.value.utf8.count <= valueLimit })
            || result.metadata.count > pairLimit - ownPairs
        {
            result.metadata = metadata(result.metadata, problem)
        }
        return Normalised(result, problems: problems)
    }

    private static func metadata(
        _ given: [String: String],
        _ problem: (Problem.Code, String) -> Void
    ) -> [String: String] {
        var result: [String: String] = [:]
        var left: [String] = []
        for (key, value) in given.sorted(by: { $0.key < $1.key }) {
            guard !key.isEmpty, key != ConsulEntry.sourceKey else {
                problem(.fieldTruncated, "metadata \"\(key)\" is left out: the key is empty or Portolan's own")
                continue
            }
            let fitted = fittedKey(key)
            if fitted != key { problem(.fieldTruncated, "metadata key \"\(key.shown)\" is written as \"\(fitted)\"") }
            guard result[fitted] == nil else {
                problem(.fieldTruncated, "metadata \"\(key.shown)\" is left out: \"\(fitted)\" is taken")
                continue
            }
            guard result.count < pairLimit - ownPairs else {
                left.append(key.shown)
                continue
            }
            result[fitted] = value.truncated(to: valueLimit)
            if result[fitted] != value {
                problem(.fieldTruncated, "metadata \"\(fitted)\" is cut to \(valueLimit) bytes")
            }
        }
        if !left.isEmpty {
            problem(
                .fieldTruncated,
                "\(left.count) metadata pairs are left out, from \"\(left[0])\" on: Consul takes \(pairLimit), of which "
                    + "Portolan needs \(ownPairs)"
            )
        }
        return result
    }

    private static func isKept(_ key: String) -> Bool {
        !key.isEmpty && key.utf8.count <= keyLimit && key.utf8.allSatisfy(isKeyByte) && key != ConsulEntry.sourceKey
            && !key.hasPrefix(reservedPrefix)
    }

    private static func fittedKey(_ key: String) -> String {
        var fitted = String(decoding: key.utf8.map { isKeyByte($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
        if fitted.hasPrefix(reservedPrefix) { fitted = "_" + fitted }
        return String(fitted.prefix(keyLimit))
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func isDNSLabel(_ name: String) -> Bool {
        (1...63).contains(name.utf8.count) && name.utf8.allSatisfy { isKeyByte($0) && $0 != UInt8(ascii: "_") }
    }
}

extension String {
    /// At most `limit` bytes of UTF-8, cut between characters.
    fileprivate func truncated(to limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var count = 0
        return String(
            prefix { character in
                count += character.utf8.count
                return count <= limit
            }
        )
    }

    /// For messages.
    fileprivate var shown: String { count > 64 ? prefix(64) + "…" : self }
}
