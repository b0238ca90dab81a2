package import ServiceCatalog

/// The conditions of an endpoint. Absent and false are different things.
package struct EndpointConditions: Sendable, Hashable {
    package var ready: Bool?
    package var serving: Bool?
    package var terminating: Bool?

    package init(ready: Bool? = nil, serving: Bool? = nil, terminating: Bool? = nil) {
        self.ready = ready
        self.serving = serving
        self.terminating = terminating
    }

    /// As the API defines it: an unknown `ready` is to be read as true, an unknown `serving` as `ready`, an unknown
    /// `terminating` as false.
    package var readiness: Readiness {
        let isReady = ready ?? true
        if isReady { return .ready }
        return terminating == true && serving ?? isReady ? .draining : .notReady
    }
}
