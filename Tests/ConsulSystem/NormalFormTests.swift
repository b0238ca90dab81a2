import ServiceCatalog
import SyncEngine
import Testing

@testable import ConsulSystem

@Suite struct NormalFormTests {
    private func registration(_ change: (inout Registration) -> Void = { _ in }) -> Registration {
        var result = Registration(
            id: EntryID(service: "cart", host: Host("10.0.0.1"), port: 80),
            service: "cart",
            host: Host("10.0.0.1"),
            port: 80,
            mark: Mark(
                owner: "east",
                from: "k8s",
                key: ServiceKey(namespace: "shop", name: "cart"),
                origin: Origin(cluster: "east", system: "k8s")
            )
        )
        change(&result)
        return result
    }

    @Test("What fits is left alone")
    func fits() {
        let given = registration { $0.metadata = ["team": "shop", "a-b_C9": ""] }
        #expect(ConsulNormalForm.of(given) == Normalised(given))
    }

    @Test(
        "Metadata keys are rewritten into what Consul takes, and reported",
        arguments: [
            ("app.kubernetes.io/name", "app_kubernetes_io_name"), ("consul-x", "_consul-x"), ("ü", "__"),
            (String(repeating: "k", count: 200), String(repeating: "k", count: 128)),
        ]
    )
    func keys(given: String, expected: String) {
        let normal = ConsulNormalForm.of(registration { $0.metadata = [given: "v"] })
        #expect(normal.registration.metadata == [expected: "v"])
        #expect(normal.problems.map(\.code) == [.fieldTruncated])
    }

    @Test("Keys that would fall together keep one, and the other is reported")
    func keyCollision() {
        let normal = ConsulNormalForm.of(registration { $0.metadata = ["a.b": "1", "a/b": "2", "a_b": "3"] })
        #expect(normal.registration.metadata.count == 1)
        #expect(normal.problems.count == 4)
    }

    @Test("Values are cut between characters")
    func values() {
        let normal = ConsulNormalForm.of(registration { $0.metadata = ["k": String(repeating: "é", count: 300)] })
        #expect(normal.registration.metadata["k"]?.utf8.count == 512)
        let odd = ConsulNormalForm.of(registration { $0.metadata = ["k": "x" + String(repeating: "é", count: 300)] })
        #expect(odd.registration.metadata["k"]?.utf8.count == 511)
    }

    @Test("Portolan's pairs always have room")
    func pairs() {
        let normal = ConsulNormalForm.of(
            registration { registration in
                registration.metadata = Dictionary(uniqueKeysWithValues: (0..<90).map { ("k\($0)", "v") })
                registration.mark.via = [Origin(cluster: "west", system: "x")]
                registration.instance = "i"
                registration.node = "n"
                registration.zone = "z"
                registration.portName = "http"
                registration.transport = .udp
                registration.appProtocol = "h2c"
            }
        )
        #expect(normal.registration.storedMetadata.count + 1 == 64)
        #expect(normal.problems.count == 1)
    }

    @Test("Weight 0 becomes the weight of a draining instance, which Consul has")
    func weightZero() {
        let normal = ConsulNormalForm.of(registration { $0.weight = 0 })
        #expect(normal.registration.health == .draining)
        #expect(normal.registration.weight == 1)
        let critical = ConsulNormalForm.of(
            registration {
                $0.weight = 0
                $0.health = .critical
            }
        )
        #expect(critical.registration.health == .critical)
    }

    @Test(
        "A name Consul's DNS cannot answer is written and reported",
        arguments: ["a.b", "a_b", "", String(repeating: "x", count: 64)]
    )
    func names(name: String) {
        let normal = ConsulNormalForm.of(registration { $0.service = name })
        #expect(normal.registration.service == name)
        #expect(normal.problems.map(\.code) == [.nameInvalid])
    }

    @Test("A removal always names a service id and what was seen of it")
    func deletion() throws {
        let entry = ConsulEntry(node: "portolan-east", cluster: "east")
        #expect(EntryID("") == nil)
        let seen = ObservedEntry(id: try #require(EntryID("a")), service: "cart", holder: .own(nil, nil), revision: 7)
        let encoded = entry.transaction(.remove(seen)).map { String(decoding: $0, as: UTF8.self) }
        #expect(
            encoded == [
                #"{"Service":{"Verb":"delete-cas","Node":"portolan-east","#
                    + #""Service":{"ID":"a","Service":"cart","ModifyIndex":7}}}"#
            ]
        )
    }

    @Test("A change of health is one operation, anything else two")
    func operations() {
        let entry = ConsulEntry(node: "portolan-east", cluster: "east")
        let before = registration()
        let seen = ObservedEntry(id: before.id, service: "cart", holder: .own(before.mark, before), revision: 7)
        let sick = registration { $0.health = .critical }
        let moved = registration { $0.zone = "b" }
        for (operation, count) in [
            (SyncEngine.Operation.put(before, replacing: nil), 2), (.put(sick, replacing: seen), 1),
            (.put(moved, replacing: seen), 2), (.remove(seen), 1),
        ] {
            #expect(entry.transaction(operation).count == count)
            #expect(ConsulEntry.operationCount(operation) == count)
        }
    }
}
