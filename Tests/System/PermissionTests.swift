import Foundation
import KubernetesObjects
import Sandbox
import Synchronization
import Testing
import Yams

extension SystemTests {
    @Suite struct PermissionTests {
        /// What a rule of RBAC speaks of.
        private struct Access: Hashable, CustomStringConvertible {
            let verb: String
            let group: String
            let resource: String

            var description: String { "\(verb) \(resource)\(group.isEmpty ? "" : ".\(group)")" }

            init(verb: String, group: String, resource: String) {
                self.verb = verb
                self.group = group
                self.resource = resource
            }

            /// `nil` for requests that are about no resource, or that every account may make.
            init?(_ request: ServerRequest) {
                var parts = request.path.split(separator: "/").map(String.init)
                guard parts.count > 2 else { return nil }
                group = parts.removeFirst() == "api" ? "" : parts.removeFirst()
                parts.removeFirst()
                if parts.first == "namespaces", parts.count > 2 { parts.removeFirst(2) }
                guard let resource = parts.first, resource != "selfsubjectaccessreviews" else { return nil }
                self.resource = resource
                verb =
                    switch (request.method, parts.count) {
                    case ("GET", 1): request.parameter("watch") == nil ? "list" : "watch"
                    case ("GET", _): "get"
                    case ("POST", _): "create"
                    case ("PUT", _): "update"
                    case let (method, _): method.lowercased()
                    }
            }
        }

        /// What the roles in Manifests grant.
        private func granted() throws -> Set<Access> {
            let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Manifests")
            let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            var granted: Set<Access> = []
            for file in files where file.pathExtension == "yaml" {
                for document in try Yams.compose_all(yaml: String(contentsOf: file, encoding: .utf8)) {
                    guard ["Role", "ClusterRole"].contains(document["kind"]?.string) else { continue }
                    for rule in document["rules"]?.array() ?? [] {
                        func list(_ key: String) -> [String] { rule[key]?.array(of: String.self) ?? [] }
                        for group in list("apiGroups") {
                            for resource in list("resources") {
                                for verb in list("verbs") {
                                    granted.insert(Access(verb: verb, group: group, resource: resource))
                                }
                            }
                        }
                    }
                }
            }
            return granted
        }

        /// A list as no API server would give it: with an address that is none, which is a problem of its object.
        private func answer(_ kind: String, _ version: String, _ content: String, _ namespace: String) -> ServerResponse
        {
            let text = """
                {"kind": "\(kind)List", "apiVersion": "\(version)", "metadata": {"resourceVersion": "1"}, "items": [
                  {"metadata": {"name": "cart", "namespace": "\(namespace)", "resourceVersion": "1",
                                "labels": {"kubernetes.io/service-name": "cart"}}, \(content)}]}
                """
            return ServerResponse(200, headers: ["Content-Type": "application/json"], text: text)
        }

        @Test("The roles in Manifests grant what a bridge with all features asks of the API server, and nothing else")
        func roles() async throws {
            let kubernetes = "kubeconfig: kubeconfig.yaml, namespaces: { include: [\"*\"] }"
            let settings = BridgeSettings(
                systems: ["old: { kubernetes: { \(kubernetes), endpoints: endpoints } }"],
                zones: ["{ zone: old.test, from: [old], reverse: [] }"]
            )
            try await withStandIns(settings) { stage, standIns in
                let asked = Mutex<Set<Access>>([])
                let faults = standIns.apiServer.faults
                try await stage.cluster.create(.cart, ["10.244.1.11"], annotations: ["portolan.dev/weight": "heavy"])
                // Matches nothing, and so only listens.
                faults.add(.failure(500, message: "never")) { request in
                    if let access = Access(request) { _ = asked.withLock { $0.insert(access) } }
                    return false
                }
                let slice = "\"addressType\": \"IPv4\", \"endpoints\": [{\"addresses\": [\"10.0.0.300\"]}]"
                let subset = "\"subsets\": [{\"addresses\": [{\"ip\": \"10.0.0.300\"}]}]"
                let lists = [
                    ("/endpointslices", answer("EndpointSlice", "discovery.k8s.io/v1", slice, stage.id)),
                    ("/endpoints", answer("Endpoints", "v1", subset, stage.id)),
                ]
                // As of a server that streams no lists, which is asked for lists as well.
                faults.add(.failure(400, message: "sendInitialEvents is forbidden")) {
                    $0.parameter("sendInitialEvents") != nil
                }
                for (suffix, response) in lists {
                    faults.add(.response(response), times: 1) {
                        $0.path.hasSuffix(suffix) && $0.method == "GET" && $0.parameter("watch") == nil
                    }
                }
                _ = try await stage.portolan("check", "--config", stage.configurationPath)
                try stage.startBridge()
                try await stage.untilReady()

                // Repetitions are counted on the Event already there, for the first time after ten minutes.
                let later = Access(verb: "patch", group: "", resource: "events")
                let granted = try granted()
                #expect(granted.contains(later))
                try await eventually("what is asked", is: granted.subtracting([later])) { asked.withLock { $0 } }
            }
        }
    }
}
