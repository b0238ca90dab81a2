/// What a source tells the catalog.
package enum SourceEvent: Sendable {
    /// Everything the system holds, at one moment. Replaces what was known; only this makes a system *synced*.
    case snapshot([Service])
    /// What changed since. Legal only after a snapshot.
    case changes([ServiceChange])
    /// Contact is lost. What is known stays, and grows stale from now on.
    case lost(reason: String)
    /// Contact is back, and what is known is the present state.
    case current
}

package enum ServiceChange: Sendable {
    case set(Service)
    case remove(ServiceKey)

    package var key: ServiceKey {
        switch self {
        case .set(let service): service.key
        case .remove(let key): key
        }
    }
}

/// A system read into the catalog.
package protocol CatalogSource: Sendable {
    /// Reads the system and tells `writer`, until the task is cancelled. Every failure that can pass is retried inside;
    /// what is known is never withdrawn because the system could not be reached.
    func run(into writer: CatalogWriter) async
}
