import DNSCore
import DNSZones
import FuzzSupport
import PortolanConfiguration
import ServiceCatalog

/// Any text as the configuration file.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    do throws(ConfigurationError) {
        check(try Configuration.reading(text, file: "portolan.yaml", environment: ["NAME": "value", "EMPTY": ""]))
    } catch {
        require(!error.mistakes.isEmpty, "what is refused is refused for a reason")
        let lines = text.unicodeScalars.count { ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0) } + 1
        for mistake in error.mistakes {
            require(!mistake.message.isEmpty, "a mistake is explained")
            require((0...(lines + 1)).contains(mistake.line), "a mistake's line is in the file: \(mistake)")
        }
    }
    return 0
}

private func check(_ configuration: Configuration) {
    require((1...63).contains(configuration.cluster.utf8.count), "the cluster's id is a label")
    let names = configuration.systems.map(\.name)
    require(Set(names).count == names.count, "systems have different names")
    for sync in configuration.syncs {
        require(names.contains(sync.from) && names.contains(sync.to) && sync.from != sync.to, "a sync has two systems")
    }
    require((0...1).contains(configuration.removalGuard.maxRemoved), "a share is a share")
    require(configuration.removalGuard.hold >= .zero, "time runs forward")
    guard let dns = configuration.dns else { return }
    require(!dns.listen.isEmpty, "DNS listens somewhere")
    let zones = dns.zones.map(\.zone) + dns.zones.flatMap { $0.reverse ?? [] }.map(\.name)
    require(Set(zones).count == zones.count, "zones have different names")
    for zone in dns.zones {
        require(!zone.from.isEmpty && zone.from.allSatisfy(names.contains), "a zone shows systems that there are")
        require(zone.prefer.map(zone.from.contains) ?? true, "a zone prefers what it shows")
    }
}
