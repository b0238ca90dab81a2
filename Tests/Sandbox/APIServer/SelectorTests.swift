import Testing

@testable import Sandbox

@Suite("selectors and patches")
struct SelectorTests {
    @Test(
        "label selectors choose",
        arguments: [
            ("", true), ("a=1", true), ("a==1", true), ("a=2", false), ("a!=2", true), ("missing!=2", true),
            ("a in (1, 2)", true), ("a in (2)", false), ("a notin (2)", true), ("missing notin (2)", true), ("a", true),
            ("missing", false), ("!missing", true), ("!a", false), ("a=1,b=2", true), ("a=1,b=3", false),
            ("kubernetes.io/service-name=web", true), ("a in (1),b notin (3,4),!c", true), ("b>1", true),
            ("b<2", false),
        ]
    )
    func labels(_ text: String, _ matches: Bool) throws {
        let labels = ["a": "1", "b": "2", "kubernetes.io/service-name": "web"]
        #expect(try LabelSelector(text).matches(labels) == matches)
    }

    @Test(
        "what is no label selector is refused",
        arguments: ["a b", "=1", "a in 1", "a in (1", "a=b=c", "-x=1", "a>b"]
    )
    func badLabels(_ text: String) {
        #expect(throws: APIStatus.self) { try LabelSelector(text) }
    }

    @Test(
        "field selectors choose among the fields of the kind",
        arguments: [
            ("metadata.name=web", true), ("metadata.name!=web", false), ("spec.type=ClusterIP", true),
            ("metadata.namespace=default,spec.type=NodePort", false),
        ]
    )
    func fields(_ text: String, _ matches: Bool) throws {
        let service: JSON = [
            "metadata": ["name": "web", "namespace": "default"], "spec": ["type": "ClusterIP"],
        ]
        #expect(try FieldSelector(text, for: Resources.services).matches(service) == matches)
    }

    @Test(
        "JSON Patch does what RFC 6902 says, or nothing",
        arguments: [
            (#"[{"op":"add","path":"/b","value":2}]"#, #"{"a":[1,2],"b":2}"#),
            (#"[{"op":"add","path":"/a/1","value":9}]"#, #"{"a":[1,9,2]}"#),
            (#"[{"op":"add","path":"/a/-","value":9}]"#, #"{"a":[1,2,9]}"#),
            (#"[{"op":"remove","path":"/a/0"}]"#, #"{"a":[2]}"#),
            (#"[{"op":"replace","path":"/a/0","value":5}]"#, #"{"a":[5,2]}"#),
            (#"[{"op":"move","from":"/a/0","path":"/a/1"}]"#, #"{"a":[2,1]}"#),
            (#"[{"op":"copy","from":"/a","path":"/b"}]"#, #"{"a":[1,2],"b":[1,2]}"#),
            (#"[{"op":"test","path":"/a/0","value":1}]"#, #"{"a":[1,2]}"#),
            (#"[{"op":"add","path":"/x~1y~0","value":1}]"#, #"{"a":[1,2],"x/y~":1}"#),
            (#"[{"op":"test","path":"/a/0","value":2}]"#, nil), (#"[{"op":"remove","path":"/c"}]"#, nil),
            (#"[{"op":"add","path":"/a/7","value":1}]"#, nil), (#"[{"op":"add","path":"b","value":1}]"#, nil),
            (#"[{"op":"dance","path":"/a"}]"#, nil),
        ] as [(String, String?)]
    )
    func jsonPatch(_ patch: String, _ result: String?) throws {
        let operations = try #require(try JSON(parsing: Array(patch.utf8)).array)
        #expect(JSONPatch.apply(operations, to: ["a": [1, 2]])?.text == result)
    }

    @Test(
        "a strategic merge patch knows keyed lists",
        arguments: [
            // Merged by port; the patch's items come first.
            (#"{"spec":{"ports":[{"port":81,"name":"b"}]}}"#, "81 80"),
            (#"{"spec":{"ports":[{"port":80,"name":"x"}]}}"#, "80"),
            (#"{"spec":{"ports":[{"$patch":"delete","port":80}]}}"#, ""),
            (#"{"spec":{"ports":[{"$patch":"replace"},{"port":9}]}}"#, "9"),
            (#"{"spec":{"$setElementOrder/ports":[{"port":80},{"port":81}],"ports":[{"port":81}]}}"#, "80 81"),
            (#"{"spec":{"ports":null}}"#, ""),
        ]
    )
    func strategicMergePatch(_ patch: String, _ ports: String) throws {
        let service: JSON = ["spec": ["ports": [["port": 80, "name": "a"]]]]
        let patched = StrategicMergePatch.apply(try JSON(parsing: Array(patch.utf8)), to: service, Schemas.service)
        let numbers = (patched[["spec", "ports"]]?.array ?? []).compactMap { $0["port"]?.int.map { "\($0)" } }
        #expect(numbers.joined(separator: " ") == ports)
    }

    @Test("paths and queries are taken apart as the API server does")
    func requestInfo() throws {
        func info(_ method: String, _ target: String) -> String? {
            RequestInfo(ServerRequest(method: method, target: target, headers: [:], body: [])).map {
                "\($0.verb) \($0.group)/\($0.version) \($0.namespace)/\($0.qualifiedResource)/\($0.name)"
            }
        }
        #expect(info("GET", "/api/v1/services") == "list /v1 /services/")
        #expect(info("GET", "/api/v1/services?watch=1") == "watch /v1 /services/")
        #expect(info("GET", "/api/v1/watch/services") == "watch /v1 /services/")
        #expect(info("GET", "/api/v1/namespaces/a/services/b?watch=true") == "get /v1 a/services/b")
        #expect(info("PATCH", "/api/v1/namespaces/a/services/b/status") == "patch /v1 a/services/status/b")
        #expect(info("PUT", "/api/v1/namespaces/a/finalize") == "update /v1 /namespaces/finalize/a")
        #expect(
            info("DELETE", "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices")
                == "deletecollection discovery.k8s.io/v1 a/endpointslices/"
        )
        #expect(info("GET", "/apis/discovery.k8s.io/v1") == nil)
        #expect(info("GET", "/version") == nil)
    }
}
