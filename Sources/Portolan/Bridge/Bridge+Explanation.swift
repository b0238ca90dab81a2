package import AdminServer
internal import DNSZones
internal import PortolanConfiguration
internal import ServiceCatalog
internal import SyncEngine

extension Bridge {
    /// Every step of a service: what its source says, the syncs that take it, the zones that answer it, and the names that
    /// zones of the targets answer for what was written there.
    package func explain(namespace: String, name: String) async -> [ExplainStep] {
        let key = ServiceKey(namespace: namespace, name: name)
        let systems = (configuration?.systems ?? []).map(\.name).filter { configuration?.isRead($0) == true }
        let holders = systems.filter { store.service(key, in: $0) != nil }
        var steps: [ExplainStep] = []
        for system in holders {
            steps += await explainSource(key, system)
            steps += await explainSyncs(key, system)
            steps += explainZones(key, system)
        }
        guard holders.isEmpty else { return steps }
        for system in systems { steps.append(await explainAbsence(key, system)) }
        steps.append(
            ExplainStep(
                place: "catalog",
                outcome: .stopped,
                message: "no system has a service \(key); `portolan get services` lists those there are"
            )
        )
        return steps
    }

    private func explainAbsence(_ key: ServiceKey, _ system: SystemName) async -> ExplainStep {
        var details = await connected(system)?.explain(key) ?? []
        let message: String
        switch store.freshness(of: system) {
        case .unsynced:
            message = "has not been read completely yet; it is not known whether it has \(key)"
            if let failure = await connected(system)?.failure() { details.append(failure) }
        case .current: message = "has no service \(key)"
        case .stale(let since, let reason):
            let seconds = Int(since.duration(to: .now).inSeconds)
            message = "had no service \(key) when it was last in reach, \(seconds) s ago: \(reason)"
        }
        return ExplainStep(place: "system \(system)", outcome: .stopped, message: message, details: details)
    }

    private func explainSource(_ key: ServiceKey, _ system: SystemName) async -> [ExplainStep] {
        guard let service = store.service(key, in: system) else { return [] }
        let place = "system \(system)"
        let standing = service.standing
        var steps = [
            ExplainStep(
                place: place,
                outcome: standing.isFine ? .ok : .warning,
                message: standing.message,
                details: await connected(system)?.explain(key) ?? []
            )
        ]
        if case .stale(let since, let reason) = store.freshness(of: system) {
            let seconds = Int(since.duration(to: .now).inSeconds)
            steps.append(
                ExplainStep(place: place, outcome: .warning, message: "out of reach for \(seconds) s: \(reason)")
            )
        }
        return steps + service.settings.problems.map { .init(place: place, outcome: .warning, message: $0.message) }
    }

    private func explainSyncs(_ key: ServiceKey, _ system: SystemName) async -> [ExplainStep] {
        guard let service = store.service(key, in: system) else { return [] }
        // What is wrong with the service itself has been said with its system.
        let said = Set(service.settings.problems.map(\.message))
        let explanations = await syncExplanations(key, in: system)
        let takers = explanations.flatMap { explanation in
            explanation.steps.filter { !said.contains($0.text) }.map { step in
                ExplainStep(
                    place: "sync \(explanation.sync)",
                    outcome: step.isFine ? .ok : .warning,
                    message: step.text
                )
            } + explainTargetZones(explanation)
        }
        guard takers.isEmpty else { return takers }
        let message = "no sync reads \(system), so no registry gets the service"
        return [ExplainStep(place: "syncs", outcome: .ok, message: message)]
    }

    /// What the zones of the target answer under the names that the service has there.
    private func explainTargetZones(_ explanation: SyncExplanation) -> [ExplainStep] {
        let services = store.snapshot.systems[explanation.target]?.services ?? [:]
        let keys = services.keys.filter { explanation.names.contains($0.name) }.sorted()
        return keys.flatMap { explainZones($0, explanation.target) }
    }

    private func explainZones(_ key: ServiceKey, _ system: SystemName) -> [ExplainStep] {
        publishers.compactMap { publisher in
            guard let explanation = publisher.explain(key, in: system) else { return nil }
            let count = explanation.records.count
            var message = explanation.reasons
            if count > 0 { message.insert(count == 1 ? "1 record" : "\(count) records", at: 0) }
            return ExplainStep(
                place: "zone \(explanation.zone)",
                outcome: count == 0 ? .stopped : explanation.reasons.isEmpty ? .ok : .warning,
                message: message.joined(separator: "; "),
                details: explanation.records
            )
        }
    }
}

extension Service {
    /// Whether clients find someone here, in a sentence.
    fileprivate var standing: (isFine: Bool, message: String) {
        if case .alias(let name) = kind { return (true, "alias of \(name)") }
        let ready = endpoints.count { $0.readiness == .ready }
        if endpoints.isEmpty { return (false, "no endpoints: nothing stands behind the service") }
        return (ready > 0, "\(endpoints.count) endpoint\(endpoints.count == 1 ? "" : "s"), \(ready) of them ready")
    }
}
