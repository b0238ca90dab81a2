import DNSCore
import Foundation
import Sandbox
import Testing

extension SystemTests {
    @Suite struct BridgingTests {
        @Test("Services of the API server stand in Consul and in DNS, and follow changes", arguments: Servers.all)
        func follows(_ servers: Servers) async throws {
            try await onStage(servers) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                try await stage.cluster.create(.web, ["10.244.2.21"])
                try await stage.startBridgeAndSettle()
                try await stage.until(.cart, has: ["10.244.1.11", "10.244.1.12"])

                let cart = stage.name(.cart)
                let grpc = try await stage.dns.ask(stage.name(.cart, below: "_grpc._tcp."), .srv)
                #expect(
                    grpc.answers == [
                        "SRV 0 50 8080 10-244-1-11.\(cart).", "SRV 0 50 8080 10-244-1-12.\(cart).",
                    ]
                )
                #expect(grpc.additionals == ["A 10.244.1.11", "A 10.244.1.12"])
                let pointer = try await stage.dns.ask("11.1.244.10.in-addr.arpa", .ptr)
                #expect(pointer.answers == ["PTR 10-244-1-11.\(cart)."])

                let clusterIP = try await stage.cluster.clusterIP(of: .web)
                #expect(try await stage.dns.addresses(stage.name(.web)) == [clusterIP])
                let http = try await stage.dns.ask(stage.name(.web, below: "_http._tcp."), .srv)
                #expect(http.answers == ["SRV 0 100 80 \(stage.name(.web))."])
                #expect(try await stage.addresses(.web) == ["10.244.2.21"])

                let none = DNSClient.Answer(code: .nxDomain)
                let empty = DNSClient.Answer(code: .noError)
                #expect(try await stage.dns.ask("nothing.\(stage.id).svc.cluster.local", .a) == none)
                #expect(try await stage.dns.ask(cart, .aaaa) == empty)
                #expect(try await stage.dns.ask("svc.cluster.local", .a) == empty)
                #expect(try await stage.dns.ask("example.com", .a).code == .refused)

                try await stage.cluster.setAddresses(.cart, ["10.244.1.12", "10.244.3.31"])
                try await stage.until(.cart, has: ["10.244.1.12", "10.244.3.31"])
                try await stage.cluster.delete(.cart)
                try await eventually("cart in DNS", is: none) { try await stage.dns.ask(cart, .a) }
                try await eventually("cart in Consul", is: []) { try await stage.addresses(.cart) }
                #expect(try await stage.addresses(.web) == ["10.244.2.21"])
            }
        }

        /// The names of the metrics are a contract.
        private static let metrics = [
            "dns_requests_total", "dns_request_duration_seconds", "catalog_services", "catalog_endpoints",
            "system_synced", "system_staleness_seconds", "sync_operations_total", "sync_pending",
            "sync_propagation_seconds", "dns_propagation_seconds", "guard_held", "watch_restarts_total", "leader",
            "build_info",
        ]

        @Test("A running bridge shows its metrics under their names, with what they count")
        func metrics() async throws {
            try await onStage(.standIns) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                try await stage.startBridgeAndSettle()
                _ = try await stage.dns.ask(stage.name(.cart), .a)
                let text = try await stage.get("/metrics").body
                for name in Self.metrics { #expect(text.contains("# TYPE portolan_\(name) "), "\(name)") }
                #expect(try await stage.metric("portolan_catalog_services", "system=\"k8s\"") == 1)
                #expect(try await stage.metric("portolan_catalog_endpoints", "system=\"k8s\"") == 2)
                #expect(try await stage.metric("portolan_system_synced", "system=\"k8s\"") == 1)
                #expect(
                    try await stage.metric(
                        "portolan_sync_operations_total",
                        "operation=\"add\"",
                        "result=\"ok\""
                    ) == 2
                )
                #expect(try await stage.metric("portolan_dns_requests_total", "type=\"A\"", "rcode=\"NOERROR\"") == 1)
                #expect(try await stage.metric("portolan_guard_held") == 0)
                #expect(try await stage.metric("portolan_leader") == 1)
            }
        }

        @Test(
            "The commands show what the bridge would do, does and knows, with their exit codes",
            arguments: Servers.all
        )
        func commands(_ servers: Servers) async throws {
            try await onStage(servers) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                let file = stage.configurationPath

                let version = try await stage.portolan("version")
                #expect(version.status == 0)
                #expect(version.output.hasPrefix("portolan "))

                let check = try await stage.portolan("check", "--config", file)
                #expect(check.status == 0, "\(check.output)\(check.errors)")
                #expect(check.output.contains("the account may list and watch services and endpointslices"))

                let plan = try await stage.portolan("plan", "--config", file)
                #expect(plan.status == 0, "\(plan.errors)")
                #expect(plan.output.contains("+  \(stage.entry(.cart))  10.244.1.11:8080  passing\n"))
                #expect(plan.output.contains("dc1: 2 to add, 0 to change, 0 to remove"))
                #expect(try await stage.entries().isEmpty)

                let unavailable = try await stage.portolan("get", "systems", "--admin", stage.admin)
                #expect(unavailable.status == 69)

                try await stage.startBridgeAndSettle()
                let settled = try await stage.portolan("plan", "--config", file, "-o", "json")
                #expect(settled.status == 0, "\(settled.errors)")
                let json = try JSONSerialization.jsonObject(with: Data(settled.output.utf8)) as? [String: Any]
                let target = try #require((json?["targets"] as? [[String: Any]])?.first)
                for change in ["add", "change", "remove"] { #expect((target[change] as? [Any])?.isEmpty == true) }

                let tables = [
                    ("systems", ["k8s", "kubernetes", "current"]),
                    ("services", ["k8s", stage.id, "cart", "2/2"]),
                    ("endpoints", ["10.244.1.11", "10.244.1.12", "grpc:8080"]),
                    ("syncs", ["k8s-to-dc1", "idle"]),
                ]
                for (subject, words) in tables {
                    for form in ["table", "wide", "json"] {
                        let get = try await stage.portolan("get", subject, "-o", form, "--admin", stage.admin)
                        #expect(get.status == 0, "\(get.errors)")
                        if form == "json" {
                            let list = try JSONSerialization.jsonObject(with: Data(get.output.utf8)) as? [Any]
                            #expect(list?.isEmpty == false)
                        } else {
                            for word in words { #expect(get.output.contains(word), "\(subject): \(get.output)") }
                        }
                    }
                }

                let explain = try await stage.portolan("explain", "\(stage.id)/cart", "--admin", stage.admin)
                #expect(explain.status == 0)
                for text in ["system k8s: 2 endpoints", "sync k8s-to-dc1: 2 instances", "zone cluster.local.: "] {
                    #expect(explain.output.contains(text), "\(explain.output)")
                }
                let unknown = try await stage.portolan("explain", "\(stage.id)/none", "--admin", stage.admin)
                #expect(unknown.status == 1)
                #expect(unknown.output.contains("no system has a service \(stage.id)/none"))
                #expect(try await stage.portolan("explain", "none", "--admin", stage.admin).status == 64)
            }
        }
    }
}
