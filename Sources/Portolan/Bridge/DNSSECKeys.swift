internal import DNSCore
internal import DNSSigning
internal import DNSZones
internal import Glibc
internal import PortolanConfiguration

/// `portolan dnssec`: what an operator needs to delegate to signed zones, and to begin.
package enum DNSSECKeys {
    /// The DS records, for the parents, of the signed zones of a configuration, or of one of them.
    package static func delegations(configurationFile: String, zone: String?) throws(CommandFailure) -> [String] {
        let configuration = try ConfigurationFile(path: configurationFile).load()
        var lines: [String] = []
        var signed: [String] = []
        for plan in ZonePlan.zones(of: configuration) {
            guard let path = plan.keyDirectory else { continue }
            let reverse = plan.definition.reverse.map(\.name)
            let contents = try KeyDirectory(path: path).load(plan.definition.name, others: reverse, at: .now)
            for apex in [plan.definition.name] + reverse {
                guard let keys = contents.keys[apex] else { continue }
                signed.append("\(apex)")
                if let zone, DomainName(zone) != apex { continue }
                lines += keys.delegated(at: .now).map(\.delegationText)
            }
        }
        guard lines.isEmpty else { return lines }
        let known = signed.isEmpty ? "no zone has dnssec.keys" : "signed zones are \(signed.joined(separator: ", "))"
        throw CommandFailure(
            zone == nil ? .configuration : .usage,
            message: zone.map { "\(configurationFile): \($0) is no signed zone; \(known)" }
                ?? "\(configurationFile): no zone is signed; give it dnssec: { keys: DIR }"
        )
    }

    /// Makes a key and returns the name of its files, without `.key` and `.private`.
    package static func generate(
        zone: String,
        isKeySigning: Bool,
        directory: String
    ) throws(CommandFailure) -> String {
        guard let apex = DomainName(zone) else {
            throw CommandFailure(.usage, message: "\"\(zone)\" is not a domain name")
        }
        let key = SigningKey.generate(for: apex, isKeySigning: isKeySigning)
        return try KeyDirectory(path: directory).write(key, at: .now).stem
    }
}

extension Int64 {
    /// Seconds since 1970.
    static var now: Int64 { Int64(time(nil)) }
}
