package import DNSCore
package import DNSZones
package import KubernetesClient
package import ServiceCatalog
package import SyncEngine

/// What the configuration file says, checked but not acted on.
package struct Configuration: Sendable, Equatable {
    /// This installation's id; part of every ownership mark.
    package var cluster: String
    /// In the file's order.
    package var systems: [SystemConfiguration]
    package var syncs: [SyncConfiguration] = []
    package var removalGuard = GuardConfiguration()
    /// `nil` when no DNS is served.
    package var dns: DNSConfiguration?
    package var admin = AdminConfiguration()
    package var log = LogConfiguration()

    package func system(_ name: SystemName) -> SystemConfiguration? { systems.first { $0.name == name } }

    /// Whether the system's contents are read: everything but registries that are only written to.
    package func isRead(_ name: SystemName) -> Bool {
        let isSource = syncs.contains { $0.from == name } || (dns?.zones ?? []).contains { $0.from.contains(name) }
        return isSource || !syncs.contains { $0.to == name }
    }

    /// How a zone's names are made: as its only system has it, or merged.
    package func schema(of zone: ZoneConfiguration) -> ZoneDefinition.Schema {
        guard zone.from.count == 1, zone.prefer == nil, let name = zone.from.first else { return .merged }
        return switch system(name)?.kind {
        case .consul?: .registry
        case .kubernetes?, .manifests?, nil: .kubernetes
        }
    }

    package func isRequired(_ name: SystemName) -> Bool { system(name)?.required ?? isRead(name) }
}

package struct SystemConfiguration: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case kubernetes(KubernetesConfiguration)
        case manifests(ManifestsConfiguration)
        case consul(ConsulConfiguration)

        package var label: String {
            switch self {
            case .kubernetes: "kubernetes"
            case .manifests: "manifests"
            case .consul: "consul"
            }
        }
    }

    package var name: SystemName
    package var kind: Kind
    /// Whether readiness waits until the system has been read once; `nil` for: if anything reads it. A registry that is
    /// only written to does not hold up DNS.
    package var required: Bool?
    /// Whether a clean stop removes what was written here.
    package var withdrawOnExit = false
}

package struct KubernetesConfiguration: Sendable, Equatable {
    package enum EndpointSource: String, Sendable, CaseIterable {
        case auto
        case slices
        case endpoints
    }

    /// `nil` for KUBECONFIG where it is set, else the in-cluster service account.
    package var kubeconfig: String?
    package var context: String?
    package var includedNamespaces: [String] = ["*"]
    /// Replaces the default when given.
    package var excludedNamespaces: [String] = ["kube-system"]
    /// Which Services are read; `nil` for all.
    package var services: LabelSelector?
    package var endpoints = EndpointSource.auto
}

package struct ManifestsConfiguration: Sendable, Equatable {
    package var path: String
}

package struct ConsulConfiguration: Sendable, Equatable {
    package var address: String
    package var datacenter: String?
    package var token: Secret?
    package var tls = TLSConfiguration()
    /// The synthetic node that holds this installation's entries; `nil` for one named after the cluster.
    package var node: String?
}

/// Files are read when a connection is made, so that what rotates is taken up.
package struct TLSConfiguration: Sendable, Equatable {
    package var certificateAuthority: String?
    package var certificate: String?
    package var key: String?
    package var serverName: String?
    package var verifies = true
}

/// Where a secret is found; never the secret itself.
package enum Secret: Sendable, Equatable {
    case file(String)
    case environment(String)
}

package struct SyncConfiguration: Sendable, Equatable {
    package var from: SystemName
    package var to: SystemName
    /// How services are named in the target.
    package var name = NameTemplate.service
}

/// When a pass that removes much is held.
package struct GuardConfiguration: Sendable, Equatable {
    /// 0…1, of what is owned in the target.
    package var maxRemoved = 0.3
    /// Passes that remove no more than this many entries are held only where they leave nothing of a source.
    package var above = 10
    package var hold = Duration.seconds(300)
}

package struct DNSConfiguration: Sendable, Equatable {
    package var listen: [ListenAddress]
    /// Seconds.
    package var ttl: UInt32 = 5
    /// UDP threads for each address; `nil` for one per core.
    package var workers: Int?
    /// The largest UDP answer in octets.
    package var udpSize = 1232
    package var tcp = DNSStreamConfiguration()
    /// `nil` when DNS over TLS is not served.
    package var tls: DNSTLSConfiguration?
    /// What servers behind one address are told apart by (NSID); `nil` to say nothing.
    package var nsid: String?
    /// Where the secrets of server cookies are found; `nil` for a random one.
    package var cookieSecret: Secret?
    /// `nil` for none.
    package var rateLimit: RateLimitConfiguration?
    /// The directory that keeps the last known state over a restart; `nil` for none.
    package var state: String?
    /// How long the last state of a lost system is answered: two weeks, as of RFC 1912 section 2.2.
    package var maxStale = Duration.seconds(336 * 3600)
    package var keys: [TSIGKeyConfiguration] = []
    package var zones: [ZoneConfiguration] = []
}

package struct ZoneConfiguration: Sendable, Equatable {
    package var zone: DomainName
    package var from: [SystemName]
    /// The system whose endpoints come first in a merged zone.
    package var prefer: SystemName?
    /// The topology zone whose endpoints come first.
    package var near: String?
    /// Where PTR records of the zone's addresses go; `nil` for the default of its kind.
    package var reverse: [ReverseZone]?
    /// Where the keys are that the zone and its reverse zones are signed with; `nil` for unsigned ones.
    package var keyDirectory: String?
    /// Who may ask it and its reverse zones; `nil` for everyone.
    package var allowQuery: [AddressRange]?
    /// Of the zone and its reverse zones; `nil` for none.
    package var transfer: TransferConfiguration?
}

/// How many answers of one kind go to one network in a second over UDP.
package struct RateLimitConfiguration: Sendable, Equatable {
    package var perSecond: Int
    /// Every how many limited answers one is sent short; zero for none.
    package var slip = 2
    /// Leading bits of an address that make a network.
    package var ipv4Prefix = 24
    package var ipv6Prefix = 56
    package var exempt: [AddressRange] = []
}

package struct AdminConfiguration: Sendable, Equatable {
    package var listen = ListenAddress(address: .v4(0x7f00_0001), port: 8053)
}

package struct LogConfiguration: Sendable, Equatable {
    package enum Level: String, Sendable, CaseIterable {
        case trace
        case debug
        case info
        case notice
        case warning
        case error
    }

    package enum Format: String, Sendable, CaseIterable {
        case text
        case json
    }

    package var level = Level.info
    package var format = Format.text
}
