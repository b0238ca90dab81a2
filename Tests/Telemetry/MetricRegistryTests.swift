import Telemetry
import Testing

@Suite struct MetricRegistryTests {
    private let registry = MetricRegistry()

    @Test("Families appear in order of name, with help, type and labelled series")
    func rendering() {
        let writes = registry.counter(.init("writes_total", help: "Writes.", labels: ["target", "result"]))
        writes.increment(["dc1", "ok"])
        writes.increment(["dc1", "ok"], by: 2)
        writes.declare(["dc1", "failed"])
        registry.gauge(.init("leader", help: "One on the writer.")) { [Sample(value: 1)] }
        #expect(
            registry.render() == """
                # HELP portolan_leader One on the writer.
                # TYPE portolan_leader gauge
                portolan_leader 1
                # HELP portolan_writes_total Writes.
                # TYPE portolan_writes_total counter
                portolan_writes_total{target="dc1",result="failed"} 0
                portolan_writes_total{target="dc1",result="ok"} 3

                """
        )
    }

    @Test("A counter without labels starts at zero")
    func unlabelled() {
        _ = registry.counter(.init("a_total", help: "A."))
        #expect(registry.render().contains("portolan_a_total 0\n"))
    }

    @Test("A histogram's buckets are cumulative and end in +Inf")
    func histogram() {
        let latency = registry.histogram(.init("d_seconds", help: "D.", labels: ["zone"]), bounds: [0.001, 0.5])
        latency.observe(.microseconds(10), ["z"])
        latency.observe(0.25, ["z"])
        latency.observe(0.5, ["z"])
        latency.observe(2, ["z"])
        let text = registry.render()
        #expect(text.contains("portolan_d_seconds_bucket{zone=\"z\",le=\"0.001\"} 1\n"))
        #expect(text.contains("portolan_d_seconds_bucket{zone=\"z\",le=\"0.5\"} 3\n"))
        #expect(text.contains("portolan_d_seconds_bucket{zone=\"z\",le=\"+Inf\"} 4\n"))
        #expect(text.contains("portolan_d_seconds_sum{zone=\"z\"} 2.75001\n"))
        #expect(text.contains("portolan_d_seconds_count{zone=\"z\"} 4\n"))
    }

    @Test("Quotes, backslashes and line ends in label values are escaped")
    func escaping() {
        let counter = registry.counter(.init("a_total", help: "A\nB", labels: ["l"]))
        counter.increment(["say \"\\\"\n"])
        #expect(registry.render().contains(#"portolan_a_total{l="say \"\\\"\n"} 1"#))
        #expect(registry.render().contains(#"# HELP portolan_a_total A\nB"#))
    }
}
