import RegistryContract
import Sandbox
import Testing

/// The contract of all registries, kept with Consul.
@Suite struct ConsulContractTests {
    @Test("On the stand-in", .timeLimit(.minutes(5)), arguments: RegistryContract.clauses)
    func standIn(clause: RegistryContract) async throws {
        try await withStandIn { try await clause.check(ConsulHarness(address: $0.url)) }
    }

    @Test(
        "On the real server PORTOLAN_TEST_CONSUL names",
        .enabled(if: ConsulHarness.realAddress != nil),
        .timeLimit(.minutes(5)),
        arguments: RegistryContract.clauses
    )
    func real(clause: RegistryContract) async throws {
        let harness = ConsulHarness(address: ConsulHarness.realAddress ?? "", token: ConsulHarness.realToken)
        do {
            try await clause.check(harness)
        } catch {
            try await harness.cleanUp()
            throw error
        }
        try await harness.cleanUp()
    }
}
