import ServiceCatalog
import Testing

@Suite struct ServiceSettingsTests {
    @Test("A service without our annotations shares the one empty value")
    func none() {
        #expect(ServiceSettings.reading(["other.io/x": "1"]) === ServiceSettings.none)
    }

    @Test("Every annotation is read")
    func all() {
        let settings = ServiceSettings.reading([
            "portolan.dev/sync": "true",
            "portolan.dev/to": "dc1, hz",
            "portolan.dev/name": "cart",
            "portolan.dev/port": "http",
            "portolan.dev/tags": #"a, b\,c,,d\e"#,
            "portolan.dev/meta-team": "shop",
            "portolan.dev/weight": "10",
            "portolan.dev/grpc-config": "{}",
        ])
        #expect(settings.sync == true)
        #expect(settings.targets == ["dc1", "hz"])
        #expect(settings.name == "cart")
        #expect(settings.port == .named("http"))
        #expect(settings.tags == ["a", "b,c", #"d\e"#])
        #expect(settings.metadata == ["team": "shop"])
        #expect(settings.weight == 10)
        #expect(settings.grpcConfig == "{}")
        #expect(settings.problems.isEmpty)
    }

    @Test(
        "A value that cannot be used is a problem that names the annotation, and counts as absent",
        arguments: [
            ("sync", "yes"), ("to", " , "), ("name", ""), ("port", "0"), ("port", "70000"), ("weight", "-1"),
            ("weight", "heavy"), ("meta-", "x"), ("sink", "true"),
        ]
    )
    func invalid(annotation: String, value: String) {
        let settings = ServiceSettings.reading(["portolan.dev/\(annotation)": value])
        #expect(settings.problems.count == 1)
        #expect(settings.problems.first?.code == .annotationInvalid)
        #expect(settings.problems.first?.message.contains("portolan.dev/\(annotation)") == true)
        #expect(settings.sync == nil)
        #expect(settings.targets == nil)
        #expect(settings.port == nil)
        #expect(settings.weight == nil)
    }
}
