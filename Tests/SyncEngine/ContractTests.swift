import RegistryContract
import ServiceCatalog
import SyncEngine
import Testing

/// The contract, kept by the registry in memory: without this, the clauses themselves could be wrong.
@Suite struct ContractTests {
    private struct Harness: RegistryHarness {
        let registry = ModelRegistry()

        init() {
            registry.with { $0.refuses = { $0.service == "unacceptable" ? .invalid("refused") : nil } }
        }

        func makeTarget(cluster: String) -> any Target { ModelTarget(registry, cluster: cluster) }

        func putForeignEntry(_ id: EntryID, service: String, cluster: String) {
            registry.put(foreign: id, service: service, in: cluster)
        }

        func hasForeignEntry(_ id: EntryID, service: String, cluster: String) -> Bool {
            registry.entries(of: cluster)[id].map { $0.registration == nil && $0.service == service } ?? false
        }

        func removeBehindBack(_ id: EntryID, service: String, cluster: String) {
            registry.edit { $0.regions[cluster]?[id] = nil }
        }

        func unacceptable(_ registration: Registration) -> Registration? {
            var result = registration
            result.service = "unacceptable"
            return result
        }
    }

    @Test("The registry in memory keeps the contract", .timeLimit(.minutes(1)), arguments: RegistryContract.clauses)
    func contract(clause: RegistryContract) async throws {
        try await clause.check(Harness())
    }
}
