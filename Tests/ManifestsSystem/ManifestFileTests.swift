import KubernetesObjects
import ServiceCatalog
import Testing

@testable import ManifestsSystem

@Suite struct ManifestFileTests {
    private func read(_ text: String, _ path: String = "a.yaml") -> ManifestFile {
        ManifestFile(path: path, bytes: Array(text.utf8))
    }

    private func services(_ file: ManifestFile) -> [ServiceObject] {
        file.objects.compactMap { if case .service(let service) = $0.object { service } else { nil } }
    }

    @Test("Several documents, lists and foreign kinds")
    func documents() {
        let file = read(
            """
            # first
            \(Manifests.cart)
            ---
            ---
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: 7}
            ---
            apiVersion: v1
            kind: List
            items:
            - apiVersion: v1
              kind: Service
              metadata: {name: a}
            - apiVersion: serving.knative.dev/v1
              kind: Service
              metadata: {name: b}
            ---
            apiVersion: v1
            kind: ServiceList
            items:
            - metadata: {name: c}
            - metadata: {name: d, namespace: n}
            """
        )
        #expect(file.problems.isEmpty)
        #expect(
            file.objects.map { "\($0.object.resource.kind) \($0.object.metadata.namespace)/\($0.object.metadata.name)" }
                == [
                    "Service shop/cart", "EndpointSlice shop/cart-1", "Service default/a", "Service default/c",
                    "Service n/d",
                ]
        )
        #expect(file.objects[0].position == SourcePosition(line: 2, column: 1))
        #expect(file.ignoredKinds == ["Deployment", "Service"])
    }

    @Test("YAML and JSON of the same objects are the same")
    func json() throws {
        let yaml = read(Manifests.cart)
        let json = read(
            #"""
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"cart","namespace":"shop"},
             "spec":{"clusterIP":"None","ports":[{"name":"http","port":80}]}}
            {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"cart-1","namespace":"shop",
             "labels":{"kubernetes.io/service-name":"cart"}},"addressType":"IPv4",
             "endpoints":[{"addresses":["10.0.0.1"]}],"ports":[{"name":"http","port":8080}]}
            """#,
            "a.json"
        )
        #expect(json.problems.isEmpty)
        #expect(yaml.objects.map(\.object) == json.objects.map(\.object))
        #expect(json.objects.map(\.position.line) == [1, 3])
        #expect(yaml.objects.map(\.object) == read("\u{feff}" + Manifests.cart).objects.map(\.object))
    }

    @Test(
        "A mistake is told with its place",
        arguments: [
            (
                "kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec:\n  ports:\n  - port: eighty", "6:11",
                "whole number"
            ),
            ("kind: Service\napiVersion: v1\nmetadata:\n  name: Bad_Name", "4:9", "DNS label"),
            ("kind: Service\napiVersion: v1\nmetadata:\n  name: a\n  namespace: A", "5:14", "DNS label"),
            ("kind: Service\napiVersion: v1\nmetadata:\n  labels: {}", "4:3", "metadata.name"),
            ("kind: Service\napiVersion: v1\nspec: {}", "1:1", "metadata.name"),
            ("kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec:\n  ports:\n  - port: 70000", "6:5", "65535"),
            ("kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec:\n  ports:\n  - name: x", "6:5", "65535"),
            (
                "kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec:\n  ports:\n  - {port: 1, protocol: QUIC}",
                "6:5",
                "QUIC"
            ),
            (
                "kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec:\n  clusterIP: 10.0.0.300", "5:14",
                "10.0.0.300"
            ),
            ("kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec:\n  type: Mesh", "5:9", "Mesh"),
            ("kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec: {type: ExternalName}", "1:1", "externalName"),
            (
                "kind: Service\napiVersion: v1\nmetadata:\n  name: a\n  annotations:\n    portolan.dev/sync: true",
                "6:24",
                "put the value in quotes"
            ),
            ("metadata: {}\nkind: Service", "1:1", "apiVersion is missing"),
            ("apiVersion: v1", "1:1", "kind is missing"),
            ("a: 1\n---\njust text", "1:1", "kind is missing"), ("---\njust text", "2:1", "expected an object"),
            (
                "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1beta1\nmetadata: {name: a}", "1:1",
                "write it as discovery.k8s.io/v1"
            ),
            (
                "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata: {name: a}\nendpoints: []", "1:1",
                "addressType"
            ),
            (
                "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata: {name: a}\naddressType: IPv5", "4:14",
                "IPv5"
            ),
            (
                "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata: {name: a}\nendpoints:\n"
                    + "- addresses:\n  - 10.0.0.1\n- addresses:\n  - 10.0.0\naddressType: IPv4", "8:5", "10.0.0"
            ),
            (
                "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata: {name: a}\nendpoints:\n"
                    + "- addresses: [10.0.0.1]\n- addresses: ['fd00::1']\naddressType: IPv4", "6:15", "IPv6"
            ),
            (
                "kind: Endpoints\napiVersion: v1\nmetadata: {name: a}\nsubsets:\n- addresses:\n  - ip: example.com",
                "6:9",
                "example.com"
            ),
            (
                "kind: List\napiVersion: v1\nitems:\n- kind: Service\n  apiVersion: v1\n  metadata: {name: a}\n  spec: 7",
                "7:9", "expected an object"
            ),
            ("a: [1", "2:1", ""), ("a: 1\na: 2", "1:1", "given twice"), ("a: *nowhere", "1:4", "alias"),
            ("a:\n\t- b", "2:1", ""), ("? [a]\n: b", "1:3", "a key must be text"), ("<<: 7", "1:5", "<<"),
        ]
    )
    func places(text: String, place: String, words: String) throws {
        let file = read(text)
        let problem = try #require(file.problems.first)
        #expect(problem.severity == .error)
        #expect(problem.position?.description == place)
        #expect(problem.message.contains(words), "\(problem.message)")
        #expect(problem.description.hasPrefix("a.yaml:\(place): "))
        #expect(file.hasErrors)
    }

    @Test(
        "A mistake in JSON is told with its place",
        arguments: [
            (
                "{\n  \"kind\": \"Service\",\n  \"apiVersion\": \"v1\",\n \"metadata\": {\"name\": \"港\", \"namespace\": 7}}",
                "4:41"
            ),
            ("{\n  \"kind\": \"Service\",,}", "2:21"), ("{\n", "2:1"), ("[]", "1:1"),
        ]
    )
    func jsonPlaces(text: String, place: String) {
        let file = read(text, "a.json")
        #expect(file.problems.first?.position?.description == place)
    }

    @Test("What is allowed and yet does nothing is a warning")
    func warnings() {
        let file = read(
            """
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: lonely}
            addressType: IPv4
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: a, annotations: {portolan.dev/weight: heavy}}
            """
        )
        #expect(file.problems.map(\.severity) == [.warning, .warning])
        #expect(!file.hasErrors)
        #expect(file.problems[0].message.contains("kubernetes.io/service-name"))
        #expect(file.problems[0].position?.line == 1)
        #expect(file.problems[1].message.contains("portolan.dev/weight"))
        #expect(file.objects.count == 2)
    }

    @Test("A file that is no text is refused", arguments: ["a.yaml", "a.json"])
    func binary(path: String) {
        let file = ManifestFile(path: path, bytes: Array("a: 1\nb: ".utf8) + [0xc3, 0x28])
        #expect(file.problems.map(\.description) == ["\(path):2:4: the file is not UTF-8 text"])
    }

    // MARK: YAML

    @Test(
        "Unquoted scalars mean what kubectl takes them to mean",
        arguments: [
            ("~", "null"), ("null", "null"), ("true", "true"), ("Yes", "true"), ("off", "false"), ("12", "12"),
            ("-5", "-5"), ("+5", "5"), ("0x1F", "31"), ("0o17", "15"), ("017", "15"), ("0b11", "3"), ("1_000", "1000"),
            ("1.5", "1.5"), ("1e3", "1000.0"), (".5", "0.5"), ("0", "0"), ("-0", "0"), ("08", "8.0"),
        ]
    )
    func literals(text: String, expected: String) {
        #expect(YAMLDocument.literal(text) == expected)
    }

    @Test(
        "Everything else is text",
        arguments: [
            "a", "10.0.0.1", "12:30", "fd00::1", "1.2.3", "-", "+", ".", "e5", "0x", "--5", "0x-5", "nan", ".inf",
            "1e999",
        ]
    )
    func text(text: String) {
        #expect(YAMLDocument.literal(text) == nil)
    }

    @Test("Quotes, block scalars and tags make text")
    func strings() throws {
        let file = read(
            """
            apiVersion: v1
            kind: Service
            metadata:
              name: "1"
              annotations:
                portolan.dev/sync: "true"
                portolan.dev/name: !!str 5
                portolan.dev/meta-a: '"\\'
                portolan.dev/grpc-config: |
                  {
                    "a": "\\t"	x
                  }
            """
        )
        #expect(file.problems.isEmpty)
        let settings = try #require(services(file).first).settings
        #expect(settings.sync == true)
        #expect(settings.name == "5")
        #expect(settings.metadata["a"] == #""\"#)
        #expect(settings.grpcConfig == "{\n  \"a\": \"\\t\"\tx\n}")
    }

    @Test("Anchors, aliases and merges are written out")
    func anchors() throws {
        let file = read(
            """
            apiVersion: v1
            kind: List
            defaults: &defaults
              clusterIP: None
              type: ClusterIP
            ports: &ports
            - {name: http, port: 80}
            items:
            - apiVersion: v1
              kind: Service
              metadata: {name: a}
              spec: {<<: *defaults, ports: *ports}
            - apiVersion: v1
              kind: Service
              metadata: {name: b}
              spec:
                <<: [{clusterIP: 10.0.0.1}, *defaults]
                type: LoadBalancer
            """
        )
        #expect(file.problems.isEmpty)
        let services = services(file)
        #expect(services[0].isHeadless)
        #expect(services[0].ports.map(\.number) == [80])
        #expect(services[1].clusterAddresses == [IPAddress("10.0.0.1")!])
        #expect(services[1].type == .loadBalancer)
    }

    @Test("Aliases that stand for more than any machine holds are refused", arguments: ["[*, *]", "{<<: [*, *]}"])
    func bomb(level: String) {
        let levels = (1...40).map { "a\($0): &a\($0) " + level.replacing("*", with: "*a\($0 - 1)") }
        let file = read("a0: &a0 {x: x}\n" + levels.joined(separator: "\n"))
        #expect(file.problems.first?.message.contains("larger than") == true)
    }

    @Test("Deep nesting is refused", arguments: ["a.yaml", "a.json"])
    func deep(path: String) {
        for text in [
            String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 100_000),
            (0..<1100).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
            String(repeating: "- ", count: 50_000),
            "kind: Service\napiVersion: v1\nspec: " + String(repeating: "[", count: 200)
                + String(repeating: "]", count: 200),
            "a0: &a0 [x]\n" + (1...2000).map { "a\($0): &a\($0) [*a\($0 - 1)]" }.joined(separator: "\n"),
            "a0: &a0 {x: x}\n" + (1...2000).map { "a\($0): &a\($0) {<<: *a\($0 - 1)}" }.joined(separator: "\n"),
        ] {
            #expect(read(text, path).hasErrors)
        }
    }

    @Test("A manifest cut anywhere, or with any byte changed, does no harm")
    func hostile() {
        let bytes = Array(Manifests.cart.utf8)
        for length in bytes.indices { _ = ManifestFile(path: "a.yaml", bytes: Array(bytes.prefix(length))) }
        let replacements = Array("{[*&!|>'\"%@`:-?#, \n\t\0".utf8)
        var changed = bytes
        for index in bytes.indices {
            for step in 0..<3 {
                changed[index] = replacements[(index + step * 7) % replacements.count]
                _ = ManifestFile(path: "a.yaml", bytes: changed)
            }
            changed[index] = bytes[index]
        }
    }
}
