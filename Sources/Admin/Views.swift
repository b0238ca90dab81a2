/// What `/readyz` says.
package struct ReadinessView: Codable, Sendable, Equatable {
    package var ready: Bool
    /// What is still missing, a sentence each; empty when ready.
    package var waiting: [String]

    package init(waiting: [String]) {
        self.ready = waiting.isEmpty
        self.waiting = waiting
    }
}

/// A system, in `/v1/systems`.
package struct SystemView: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable {
        case unsynced
        case current
        case stale
    }

    package var name: String
    package var kind: String
    package var required: Bool
    package var state: State
    /// Seconds since contact was lost; 0 while current.
    package var staleSeconds: Double
    /// Why the state is not `current`.
    package var reason: String?
    /// While unsynced: how old what DNS answers of the system is, in seconds; absent where it answers nothing.
    package var rememberedSeconds: Double?
    package var services: Int
    package var endpoints: Int
    package var problems: [String]

    package init(
        name: String,
        kind: String,
        required: Bool,
        state: State,
        staleSeconds: Double = 0,
        reason: String? = nil,
        rememberedSeconds: Double? = nil,
        services: Int = 0,
        endpoints: Int = 0,
        problems: [String] = []
    ) {
        self.name = name
        self.kind = kind
        self.required = required
        self.state = state
        self.staleSeconds = staleSeconds
        self.reason = reason
        self.rememberedSeconds = rememberedSeconds
        self.services = services
        self.endpoints = endpoints
        self.problems = problems
    }
}

/// A zone, in `/v1/zones`.
package struct ZoneView: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable {
        /// A system has neither been read nor is remembered: SERVFAIL.
        case loading
        case current
        /// Answered as last known.
        case stale
        /// Stale for too long: SERVFAIL.
        case expired
    }

    package var name: String
    package var systems: [String]
    package var state: State
    /// How old the oldest part of it is; 0 while current.
    package var staleSeconds: Double
    /// The systems that are out of reach, or have not been read since the start.
    package var lost: [String]
    package var names: Int
    package var serial: UInt32

    package init(
        name: String,
        systems: [String],
        state: State,
        staleSeconds: Double,
        lost: [String],
        names: Int,
        serial: UInt32
    ) {
        self.name = name
        self.systems = systems
        self.state = state
        self.staleSeconds = staleSeconds
        self.lost = lost
        self.names = names
        self.serial = serial
    }
}

/// A service, in `/v1/services` (without its endpoints) and by its own path (with them).
package struct ServiceView: Codable, Sendable, Equatable {
    package struct Port: Codable, Sendable, Equatable {
        package var name: String
        package var port: Int
        package var `protocol`: String

        package init(name: String, port: Int, protocol: String) {
            self.name = name
            self.port = port
            self.protocol = `protocol`
        }
    }

    package struct Endpoint: Codable, Sendable, Equatable {
        package var address: String
        package var state: String
        package var hostname: String?
        package var target: String?
        package var node: String?
        package var zone: String?
        package var ports: [Port]
        package var weight: Int?
        package var origin: String

        package init(
            address: String,
            state: String,
            hostname: String?,
            target: String?,
            node: String?,
            zone: String?,
            ports: [Port],
            weight: Int?,
            origin: String
        ) {
            self.address = address
            self.state = state
            self.hostname = hostname
            self.target = target
            self.node = node
            self.zone = zone
            self.ports = ports
            self.weight = weight
            self.origin = origin
        }
    }

    package var system: String
    package var namespace: String
    package var name: String
    package var kind: String
    package var addresses: [String]
    package var ports: [Port]
    package var endpointCount: Int
    package var readyCount: Int
    package var problems: [String]
    /// `nil` in lists.
    package var endpoints: [Endpoint]?

    package init(
        system: String,
        namespace: String,
        name: String,
        kind: String,
        addresses: [String],
        ports: [Port],
        endpointCount: Int,
        readyCount: Int,
        problems: [String],
        endpoints: [Endpoint]?
    ) {
        self.system = system
        self.namespace = namespace
        self.name = name
        self.kind = kind
        self.addresses = addresses
        self.ports = ports
        self.endpointCount = endpointCount
        self.readyCount = readyCount
        self.problems = problems
        self.endpoints = endpoints
    }
}

/// A sync, in `/v1/syncs`.
package struct SyncView: Codable, Sendable, Equatable {
    package var name: String
    package var from: String
    package var to: String
    /// `waiting for source`, `waiting for target`, `active`, `held`, …
    package var state: String
    /// Entries in the target that are this installation's.
    package var owned: Int
    package var pending: Int
    package var held: Int
    /// The last failure of the target, until the next success.
    package var error: String?
    package var problems: [String]

    package init(
        name: String,
        from: String,
        to: String,
        state: String,
        owned: Int,
        pending: Int,
        held: Int,
        error: String?,
        problems: [String]
    ) {
        self.name = name
        self.from = from
        self.to = to
        self.state = state
        self.owned = owned
        self.pending = pending
        self.held = held
        self.error = error
        self.problems = problems
    }
}

/// One step on the way of a service, in `/v1/explain/{namespace}/{name}`.
package struct ExplainStep: Codable, Sendable, Equatable {
    package enum Outcome: String, Codable, Sendable {
        case ok
        /// Works, but not as the user may have meant.
        case warning
        /// Ends here, or never got here.
        case stopped
    }

    /// Where: `system east`, `sync east-dc1`, `zone cluster.local`.
    package var place: String
    package var outcome: Outcome
    package var message: String
    /// Entries, records, objects: a line each.
    package var details: [String]

    package init(place: String, outcome: Outcome, message: String, details: [String] = []) {
        self.place = place
        self.outcome = outcome
        self.message = message
        self.details = details
    }
}

/// Where the admin listener gets what it shows. Every call reads present state and returns quickly.
package protocol AdminViews: Sendable {
    func readiness() async -> ReadinessView
    func systems() async -> [SystemView]
    /// In the configuration's order, the reverse zones of each after it.
    func zones() async -> [ZoneView]
    /// Of all systems, in order of system, namespace and name.
    func services() async -> [ServiceView]
    /// As ``services()``, each with its endpoints.
    func endpoints() async -> [ServiceView]
    /// `nil` when there is none.
    func service(system: String, namespace: String, name: String) async -> ServiceView?
    func syncs() async -> [SyncView]
    func explain(namespace: String, name: String) async -> [ExplainStep]
    func metrics() async -> String
}
