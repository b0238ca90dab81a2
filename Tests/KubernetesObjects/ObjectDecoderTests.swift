import KubernetesObjects
import ServiceCatalog
import Testing

/// Rules of reading, on made-up objects.
@Suite struct ObjectDecoderTests {
    private func slice(_ json: String) throws -> EndpointSliceObject {
        try ObjectDecoder.decodeObject(Array(json.utf8), encoding: .json)
    }

    private func slice(type: String = "IPv4", endpoints: String, ports: String = "[]") throws -> EndpointSliceObject {
        try slice(
            #"{"metadata":{"name":"s","namespace":"n"},"endpoints":\#(endpoints),"ports":\#(ports),"addressType":"\#(type)"}"#
        )
    }

    private func service(_ spec: String) throws -> ServiceObject {
        let json = #"{"metadata":{"name":"s","namespace":"n"},"spec":\#(spec)}"#
        return try ObjectDecoder.decodeObject(Array(json.utf8), encoding: .json)
    }

    // MARK: Readiness

    @Test(
        "Conditions follow the API's defaults",
        arguments: [
            (nil, nil, nil, .ready), (true, nil, nil, .ready), (true, false, true, .ready),
            (false, nil, nil, .notReady),
            (false, true, nil, .notReady), (false, true, false, .notReady), (false, true, true, .draining),
            (false, false, true, .notReady), (false, nil, true, .notReady), (nil, true, true, .ready),
        ] as [(Bool?, Bool?, Bool?, Readiness)]
    )
    func conditions(ready: Bool?, serving: Bool?, terminating: Bool?, expected: Readiness) {
        let conditions = EndpointConditions(ready: ready, serving: serving, terminating: terminating)
        #expect(conditions.readiness == expected)
    }

    // MARK: Addresses

    @Test("Endpoints come in the catalog's order, each once")
    func order() throws {
        let slice = try slice(
            endpoints: """
                [{"addresses":["10.0.0.10"],"targetRef":{"name":"b"}},{"addresses":["10.0.0.9"]},
                 {"addresses":["10.0.0.10"],"targetRef":{"name":"a"}},
                 {"addresses":["10.0.0.9"],"conditions":{"ready":false},"nodeName":"node-1"}]
                """
        )
        #expect(slice.endpoints.map(\.host) == [Host("10.0.0.9"), Host("10.0.0.10"), Host("10.0.0.10")])
        #expect(slice.endpoints.map(\.targetName) == [nil, "a", "b"])
        #expect(slice.endpoints[0].readiness == .ready)
        #expect(slice.endpoints[0].nodeName == "node-1")
    }

    @Test(
        "An address that does not fit is left out and reported; the others stay",
        arguments: [
            ("IPv4", "10.0.0.300"), ("IPv4", "fd00::1"), ("IPv4", "db.example.com"), ("IPv4", ""),
            ("IPv4", "010.0.0.1"),
            ("IPv6", "10.0.0.1"), ("IPv6", "fd00::1%eth0"), ("IPv6", "fd00:::1"),
        ]
    )
    func badAddress(type: String, address: String) throws {
        let good = type == "IPv4" ? "10.0.0.2" : "fd00::2"
        let slice = try slice(type: type, endpoints: #"[{"addresses":["\#(address)"]},{"addresses":["\#(good)"]}]"#)
        #expect(slice.endpoints.map(\.host) == [Host(good)])
        #expect(slice.problems.map(\.code) == [.addressUnusable])
    }

    @Test("An FQDN slice holds names", arguments: ["10.0.0.1", "fd00::1", "a..b", "", "a b", ".", "-\u{0}"])
    func names(bad: String) throws {
        let slice = try slice(
            type: "FQDN",
            endpoints: #"[{"addresses":["db.example.com."]},{"addresses":["\#(bad == "-\0" ? "a\\u0000b" : bad)"]}]"#
        )
        #expect(slice.endpoints.map(\.host) == [.name("db.example.com.")])
        #expect(slice.problems.map(\.code) == [.addressUnusable])
    }

    @Test("An unknown address type leaves out all endpoints, aloud; a missing one is no slice")
    func addressType() throws {
        let slice = try slice(type: "IPv5", endpoints: #"[{"addresses":["10.0.0.1"]}]"#)
        #expect(slice.endpoints.isEmpty)
        #expect(slice.problems.first?.message.contains("IPv5") == true)
        #expect(throws: ObjectDecodingError.self) {
            try self.slice(#"{"metadata":{"name":"s","namespace":"n"},"endpoints":[]}"#)
        }
    }

    @Test("Of very many problems the first are told, and how many more there are")
    func manyProblems() throws {
        let bad = (0..<100).map { _ in #"{"addresses":["x"]}"# }.joined(separator: ",")
        let slice = try slice(endpoints: "[\(bad)]")
        #expect(slice.problems.count == 17)
        #expect(slice.problems.last?.message.contains("84") == true)
    }

    // MARK: Ports

    @Test(
        "A port that cannot be used is left out and reported",
        arguments: [#"{"port":0}"#, #"{"port":65536}"#, #"{"port":-1}"#, #"{"port":80,"protocol":"QUIC"}"#]
    )
    func badPort(port: String) throws {
        let ports = #"[{"name":"ok","port":1},\#(port)]"#
        let slice = try slice(endpoints: #"[{"addresses":["10.0.0.1"]}]"#, ports: ports)
        #expect(slice.endpoints.first?.ports == [EndpointPort(name: "ok", number: 1)])
        #expect(slice.problems.count == 1)
        let service = try service(#"{"ports":\#(ports)}"#)
        #expect(service.ports == [ServicePort(name: "ok", number: 1)])
        #expect(service.problems.count == 1)
    }

    @Test("An endpoint port without a number is legal and offers nothing")
    func portWithoutNumber() throws {
        let slice = try slice(endpoints: #"[{"addresses":["10.0.0.1"]}]"#, ports: #"[{"name":"any"},{"port":null}]"#)
        #expect(slice.endpoints.first?.ports == [])
        #expect(slice.problems.isEmpty)
    }

    // MARK: Services

    @Test("A Service without any cluster IP is headless; with an unreadable one it is not")
    func clusterIP() throws {
        #expect(try service("{}").isHeadless)
        #expect(try service(#"{"clusterIP":"None"}"#).isHeadless)
        #expect(try service(#"{"clusterIP":"10.96.0.1"}"#).clusterAddresses == [IPAddress("10.96.0.1")!])
        let unreadable = try service(#"{"clusterIP":"nowhere","clusterIPs":["nowhere"]}"#)
        #expect(!unreadable.isHeadless)
        #expect(unreadable.problems.first?.code == .addressUnusable)
    }

    @Test("ExternalName without a name is refused")
    func externalName() {
        let error = #expect(throws: ObjectDecodingError.self) { try service(#"{"type":"ExternalName"}"#) }
        #expect(error?.reason == .missingField("spec.externalName"))
    }

    @Test("An unknown type is read as ClusterIP, aloud")
    func unknownType() throws {
        let object = try service(#"{"type":"Mesh","clusterIP":"10.96.0.1"}"#)
        #expect(object.type == .clusterIP)
        #expect(object.problems.count == 1)
    }

    @Test("A cut v1 Endpoints says so")
    func overCapacity() throws {
        let json = #"""
            {"metadata":{"name":"e","namespace":"n","annotations":
            {"endpoints.kubernetes.io/over-capacity":"truncated"}},"subsets":null}
            """#
        let object = try ObjectDecoder<EndpointsObject>.decodeObject(Array(json.utf8), encoding: .json)
        #expect(object.problems.map(\.code) == [.fieldTruncated])
    }

    // MARK: Malformed items

    @Test("One malformed item is named and the others are kept")
    func malformedItem() throws {
        let json = #"""
            {"kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":[
            {"metadata":{"name":"a","namespace":"n"}},
            {"metadata":{"name":"b","namespace":"n","resourceVersion":"3"},"spec":{"ports":{"port":[1,{"x":"}"}]}}},
            {"metadata":{"name":7}},
            {"metadata":{"namespace":"n"}},
            "text",
            {"metadata":{"name":"c","namespace":"n"},"spec":{}}]}
            """#
        let list = try ObjectDecoder<ServiceObject>.decodeList(Array(json.utf8), encoding: .json)
        #expect(list.items.map(\.metadata.name) == ["a", "c"])
        #expect(list.resourceVersion == "7")
        #expect(list.malformed.map(\.metadata?.name) == ["b", nil, nil, nil])
        #expect(list.malformed[0].metadata?.resourceVersion == "3")
        #expect(list.malformed[0].reason.contains("expected a list"))
    }

    @Test("One malformed item of a protobuf list is named and the others are kept")
    func malformedProtobufItem() throws {
        var body = try Recording("lists/services.proto").body
        // The type of the first item's metadata.resourceVersion field becomes fixed64.
        let name = Array("annotated".utf8)
        let start = try #require(body.indices.first { body[$0...].starts(with: name) })
        let version = try #require(body[start...].indices.first { body[$0] == 0x32 && body[$0 + 1] == 3 })
        body[version] = 0x31
        let list = try ObjectDecoder<ServiceObject>.decodeList(body, encoding: .protobuf)
        #expect(list.items.count == 12)
        #expect(list.malformed.map(\.metadata?.name) == ["annotated"])
        #expect(list.malformed.map(\.metadata?.namespace) == ["rec-a"])
    }

    @Test(
        "An answer that is no list does not pass for an empty one",
        arguments: [
            "{}", "null", #"{"items":[]}"#, #"{"metadata":{},"items":[]}"#, #"{"kind":"Status","code":200}"#, "[]",
        ]
    )
    func noList(body: String) {
        #expect(throws: ObjectDecodingError.self) {
            try ObjectDecoder<ServiceObject>.decodeList(Array(body.utf8), encoding: .json)
        }
    }

    @Test("A bookmark without a version is malformed")
    func emptyBookmark() throws {
        let json = #"{"type":"BOOKMARK","object":{"metadata":{}}}"#
        guard
            case .malformed(let object) = try ObjectDecoder<ServiceObject>.decodeEvent(
                Array(json.utf8),
                encoding: .json
            )
        else {
            Issue.record("not malformed")
            return
        }
        #expect(object.reason.contains("resourceVersion"))
    }

    @Test("Broken grammar inside an item breaks the list: its end cannot be known")
    func brokenItem() {
        let json = #"{"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b",}}]}"#
        #expect(throws: ObjectDecodingError.self) {
            try ObjectDecoder<ServiceObject>.decodeList(Array(json.utf8), encoding: .json)
        }
    }

    @Test("An event may name its object first, and its type may be unknown")
    func events() throws {
        let first = #"{"object":{"metadata":{"name":"a","namespace":"n"}},"type":"DELETED"}"#
        guard
            case .deleted(let service) = try ObjectDecoder<ServiceObject>.decodeEvent(
                Array(first.utf8),
                encoding: .json
            )
        else {
            Issue.record("not a deletion")
            return
        }
        #expect(service.metadata.name == "a")
        let unknown = #"{"type":"MOVED","object":{"metadata":{"name":"a","namespace":"n"}}}"#
        guard
            case .malformed(let object) = try ObjectDecoder<ServiceObject>.decodeEvent(
                Array(unknown.utf8),
                encoding: .json
            )
        else {
            Issue.record("not malformed")
            return
        }
        #expect(object.metadata?.name == "a")
        #expect(object.reason.contains("MOVED"))
    }

    @Test("An object that is gone need not be readable, only known")
    func unreadableDeletion() throws {
        let json = #"{"type":"DELETED","object":{"metadata":{"name":"a","namespace":"n"},"spec":[]}}"#
        guard
            case .deleted(let service) = try ObjectDecoder<ServiceObject>.decodeEvent(Array(json.utf8), encoding: .json)
        else {
            Issue.record("not a deletion")
            return
        }
        #expect(service.metadata.namespace == "n")
    }

    // MARK: JSON

    @Test(
        "What is not JSON is refused, read or skipped",
        arguments: [
            "", " ", "{", "{}x", "{} {}", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":[1,]}"#, #"{"a":01}"#,
            #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":1e}"#, #"{"a":-}"#, #"{"a":+1}"#, #"{"a":tru}"#, #"{"a":nul}"#,
            #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\u12"}"#, "{\"a\":\"\n\"}", "{\"a\":\"\u{1}\"}", #"{"a":'b'}"#,
            #"{a:1}"#, #"{"a":1 "b":2}"#, #"{"a":[1 2]}"#, #"{"a":NaN}"#, #"{"a":[}"#, #"{"a":{]}"#,
        ]
    )
    func notJSON(text: String) {
        #expect(throws: ObjectDecodingError.self) {
            try ObjectDecoder<ServiceObject>.decodeObject(Array(text.utf8), encoding: .json)
        }
        #expect(throws: ObjectDecodingError.self) {
            try ObjectDecoder<ServiceObject>.decodeList(Array(text.utf8), encoding: .json)
        }
    }

    @Test(
        "Escapes are read as they are meant",
        arguments: [
            (#"a\u0062c"#, "abc"), (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"), (#"\ud83d\ude00"#, "😀"),
            (#"\u00e9\u6e2f"#, "é港"), (#"\ud83d"#, "\u{fffd}"), (#"\ude00x"#, "\u{fffd}x"),
            (#"\ud83d\u0041"#, "\u{fffd}A"), (#"\uD83Dx"#, "\u{fffd}x"), ("é港😀", "é港😀"),
        ]
    )
    func escapes(written: String, meant: String) throws {
        let object = try service(#"{"type":"ExternalName","externalName":"\#(written)"}"#)
        #expect(object.externalName == meant)
    }

    @Test("Text that is no UTF-8 is mended as the API server would")
    func invalidUTF8() throws {
        var bytes = Array(#"{"metadata":{"name":"s?","namespace":"n"}}"#.utf8)
        bytes[try #require(bytes.firstIndex(of: UInt8(ascii: "?")))] = 0xff
        let object = try ObjectDecoder<ServiceObject>.decodeObject(bytes, encoding: .json)
        #expect(object.metadata.name == "s\u{fffd}")
    }

    @Test("An escaped key is the same key; of two the last counts; null is absent")
    func keys() throws {
        let json = #"""
            {"metadata":{"n\u0061me":"s","namespace":"n"},"spec":{"ports":[{"port":1}],"ports":[{"port":2}],
            "selector":null,"clusterIPs":null,"externalIPs":null,"publishNotReadyAddresses":null}}
            """#
        let object = try ObjectDecoder<ServiceObject>.decodeObject(Array(json.utf8), encoding: .json)
        #expect(object.metadata.name == "s")
        #expect(object.ports.map(\.number) == [2])
        #expect(!object.hasSelector)
    }

    @Test(
        "A number that is no whole number in range is of the wrong type",
        arguments: ["1.5", "1e3", "99999999999999999999", "\"80\"", "true"]
    )
    func numbers(number: String) {
        let error = #expect(throws: ObjectDecodingError.self) { try service(#"{"ports":[{"port":\#(number)}]}"#) }
        #expect(error?.reason == .wrongType(expected: .integer))
    }

    @Test("Errors say what and where, and hold none of the input")
    func errorText() {
        let error = #expect(throws: ObjectDecodingError.self) { try service(#"{"ports":7}"#) }
        #expect(error.map { "\($0)" } == "expected a list at byte 57")
    }

    @Test("The endpoints of a node share one place, over all that one reader reads")
    func places() throws {
        let node = "ip-10-0-12-34.eu-west-1.compute.internal"
        let endpoints = (0..<300).map {
            #"{"addresses":["10.0.\#($0 / 256).\#($0 % 256)"],"nodeName":"\#(node)\#($0 % 3)","zone":"z"}"#
        }
        let body = #""addressType":"IPv4","endpoints":[\#(endpoints.joined(separator: ","))]"#
        var context = DecodingContext()
        func read(_ name: String) throws -> EndpointSliceObject {
            let json = #"{"metadata":{"name":"\#(name)","namespace":"n"},\#(body)}"#
            let event = #"{"type":"ADDED","object":\#(json)}"#
            guard
                case .added(let slice) = try ObjectDecoder<EndpointSliceObject>.decodeEvent(
                    Array(event.utf8),
                    encoding: .json,
                    context: &context
                )
            else {
                Issue.record("not added")
                return EndpointSliceObject(metadata: .init(namespace: "n", name: name, resourceVersion: ""))
            }
            return slice
        }
        let slices = try [read("a"), read("b")]
        for slice in slices {
            #expect(slice.endpoints.enumerated().allSatisfy { $1.nodeName == "\(node)\($0 % 3)" && $1.zone == "z" })
        }
        let place = try #require(slices[0].endpoints[0].place)
        #expect(slices[0].endpoints[3].place === place)
        #expect(slices[1].endpoints[0].place === place)
        #expect(slices[0].endpoints[1].place !== place)
    }

    @Test("What is wrong with one event is no problem of the next")
    func problemsOfEvents() throws {
        var context = DecodingContext()
        func problems(_ address: String) throws -> [Problem] {
            let slice =
                #"{"metadata":{"name":"s","namespace":"n"},"addressType":"IPv4","endpoints":[{"addresses":["\#(address)"]}]}"#
            let event = #"{"type":"ADDED","object":\#(slice)}"#
            guard
                case .added(let slice) = try ObjectDecoder<EndpointSliceObject>.decodeEvent(
                    Array(event.utf8),
                    encoding: .json,
                    context: &context
                )
            else { return [] }
            return slice.problems
        }
        #expect(try problems("nowhere").count == 1)
        #expect(try problems("10.0.0.1").isEmpty)
    }
}
