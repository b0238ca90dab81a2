internal import PortolanConfiguration
internal import ServiceCatalog
internal import SyncEngine

/// All syncs into one target, as configured. Two that are equal need no new driver.
struct TargetFlow: Equatable {
    let system: SystemConfiguration
    let cluster: String
    let syncs: [SyncConfiguration]
    let removalGuard: GuardConfiguration

    static func flows(of configuration: Configuration) -> [SystemName: TargetFlow] {
        Dictionary(grouping: configuration.syncs, by: \.to).compactMapValues { syncs in
            configuration.system(syncs[0].to).map {
                TargetFlow(
                    system: $0,
                    cluster: configuration.cluster,
                    syncs: syncs,
                    removalGuard: configuration.removalGuard
                )
            }
        }
    }

    var machine: SyncMachine.Configuration {
        SyncMachine.Configuration(
            cluster: cluster,
            definitions: syncs.map { SyncDefinition(from: $0.from, to: $0.to, template: $0.name) },
            guardPolicy: GuardPolicy(
                maxRemoved: removalGuard.maxRemoved,
                above: removalGuard.above,
                hold: removalGuard.hold
            )
        )
    }
}
