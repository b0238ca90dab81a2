package import AdminServer
internal import DNSCore
internal import DNSZones
internal import PortolanConfiguration
internal import ServiceCatalog
internal import SyncEngine

extension Bridge: AdminViews {
    package func readiness() async -> ReadinessView {
        ReadinessView(waiting: waiting)
    }

    package func systems() async -> [SystemView] {
        let systems = store.snapshot.systems
        var views: [SystemView] = []
        for system in configuration?.systems ?? [] {
            let state = systems[system.name]
            var view = SystemView(
                name: system.name.rawValue,
                kind: system.kind.label,
                required: configuration?.isRequired(system.name) ?? true,
                state: .unsynced,
                services: state?.services.count ?? 0,
                endpoints: state?.endpointCount ?? 0,
                problems: await connected(system.name)?.problems() ?? []
            )
            switch state?.freshness {
            case .current?:
                view.state = .current
            case .stale(let since, let reason)?:
                view.state = .stale
                view.staleSeconds = since.duration(to: .now).inSeconds
                view.reason = reason
            case .unsynced?, nil:
                view.reason = await connected(system.name)?.failure()
                view.rememberedSeconds = recalledSince(system.name).map { $0.duration(to: .now).inSeconds }
            }
            views.append(view)
        }
        return views
    }

    package func zones() async -> [ZoneView] {
        publishers.flatMap { publisher in
            let standing = publisher.standing
            let state: ZoneView.State =
                switch standing.freshness {
                case .unready: .loading
                case .current: .current
                case .stale: .stale
                case .expired: .expired
                }
            return publisher.zones.map { zone in
                ZoneView(
                    name: zone.apex.description,
                    systems: publisher.definition.systems.map(\.rawValue),
                    state: state,
                    staleSeconds: standing.since?.duration(to: .now).inSeconds ?? 0,
                    lost: standing.lost.sorted().map(\.rawValue),
                    names: zone.statistics.names,
                    serial: zone.serial
                )
            }
        }
    }

    package func services() async -> [ServiceView] { serviceViews(withEndpoints: false) }

    package func endpoints() async -> [ServiceView] { serviceViews(withEndpoints: true) }

    private func serviceViews(withEndpoints: Bool) -> [ServiceView] {
        store.snapshot.systems.sorted { $0.key < $1.key }.flatMap { name, state in
            state.services.values.sorted { $0.key < $1.key }.map {
                ServiceView($0, in: name, withEndpoints: withEndpoints)
            }
        }
    }

    package func service(system: String, namespace: String, name: String) async -> ServiceView? {
        let system = SystemName(system)
        return store.service(ServiceKey(namespace: namespace, name: name), in: system).map {
            ServiceView($0, in: system, withEndpoints: true)
        }
    }

    package func syncs() async -> [SyncView] {
        await syncStatuses().map { status in
            SyncView(
                name: status.name,
                from: status.from.rawValue,
                to: status.to.rawValue,
                state: status.phase.rawValue,
                owned: status.owned,
                pending: status.pending,
                held: status.held,
                error: status.error,
                problems: status.problems.map(\.message)
            )
        }
    }

    package func metrics() async -> String { await renderMetrics() }
}
