package import ServiceCatalog

/// A declared flow: the selected services of one system are kept present in another.
package struct SyncDefinition: Hashable, Sendable {
    /// The `sync` label of metrics and the name in reports.
    package let name: String
    package let from: SystemName
    package let to: SystemName
    package let template: NameTemplate
    /// Whether services without a `sync` annotation take part.
    package let selectsByDefault: Bool

    package init(
        from: SystemName,
        to: SystemName,
        template: NameTemplate = .service,
        selectsByDefault: Bool = true,
        name: String? = nil
    ) {
        self.name = name ?? "\(from)-to-\(to)"
        self.from = from
        self.to = to
        self.template = template
        self.selectsByDefault = selectsByDefault
    }

    /// Why a service takes part in the sync, or why not.
    package enum Selection: Hashable, Sendable {
        case selected
        /// `portolan.dev/sync: "false"`
        case optedOut
        /// `portolan.dev/to` names other systems.
        case otherTargets
        /// Only annotated services take part, and this one is not.
        case notOptedIn
    }

    package func selection(of service: Service) -> Selection {
        if service.settings.sync == false { return .optedOut }
        if let targets = service.settings.targets, !targets.contains(to) { return .otherTargets }
        return service.settings.sync == true || selectsByDefault ? .selected : .notOptedIn
    }
}

/// When removals wait for a second opinion.
package struct GuardPolicy: Hashable, Sendable {
    /// The share of the owned entries that may go at once, 0…1.
    package var maxRemoved: Double
    /// This many entries may always go.
    package var above: Int
    /// How long the source must keep saying so.
    package var hold: Duration

    package init(maxRemoved: Double = 0.3, above: Int = 10, hold: Duration = .seconds(300)) {
        self.maxRemoved = maxRemoved
        self.above = above
        self.hold = hold
    }
}
