import KubernetesObjects
import ServiceCatalog
import Testing

@Suite struct RecordedWatchTests {
    /// What a test compares of an event.
    private enum Seen<Object: Hashable>: Hashable {
        case added(Object)
        case modified(Object)
        case deleted(Object)
        case bookmark(String, end: Bool)
        case error(KubernetesStatus)
        case malformed(MalformedObject)
    }

    private func events<Object: ReadableObject>(
        _ name: String,
        _ encoding: ObjectEncoding,
        chunk: Int = .max
    ) throws -> [Seen<Object>] {
        var framer = WatchFramer(encoding: encoding)
        var rest = try Recording(name).body[...]
        var seen: [Seen<Object>] = []
        while !rest.isEmpty {
            framer.append(Array(rest.prefix(chunk)))
            rest = rest.dropFirst(chunk)
            while let frame = try framer.next() {
                switch try ObjectDecoder<Object>.decodeEvent(frame, encoding: encoding) {
                case .added(let object): seen.append(.added(object))
                case .modified(let object): seen.append(.modified(object))
                case .deleted(let object): seen.append(.deleted(object))
                case .bookmark(let version, let end): seen.append(.bookmark(version, end: end))
                case .error(let status): seen.append(.error(status))
                case .malformed(let object): seen.append(.malformed(object))
                }
            }
        }
        #expect(framer.isAtBoundary)
        return seen
    }

    private func expectEqualWatches<Object: ReadableObject>(_ type: Object.Type, _ name: String) throws {
        let json: [Seen<Object>] = try events("watch/\(name).json", .json)
        let protobuf: [Seen<Object>] = try events("watch/\(name).proto", .protobuf)
        #expect(json == protobuf)
        #expect(!json.isEmpty)
        let cut: [Seen<Object>] = try events("watch/\(name).proto", .protobuf, chunk: 7)
        #expect(cut == protobuf)
    }

    @Test(
        "A watch of Services reads the same from both encodings, however it is cut",
        arguments: [
            "services", "streaming-list.services", "streaming-list.rv0", "streaming-list.empty", "too-old.services",
            "ancient-but-cached.services", "old-etcd.streaming-list",
        ]
    )
    func services(name: String) throws { try expectEqualWatches(ServiceObject.self, name) }

    @Test(
        "A watch of EndpointSlices reads the same from both encodings",
        arguments: ["endpointslices", "streaming-list.endpointslices", "too-old.endpointslices"]
    )
    func slices(name: String) throws { try expectEqualWatches(EndpointSliceObject.self, name) }

    @Test("A watch of Endpoints reads the same from both encodings")
    func endpoints() throws { try expectEqualWatches(EndpointsObject.self, "endpoints") }

    @Test("The changes of a Service come as they happened, then a bookmark without a name")
    func story() throws {
        let seen: [Seen<ServiceObject>] = try events("watch/services.json", .json)
        let story = seen.map { event in
            switch event {
            case .added(let object): "added \(object.metadata.name) \(object.metadata.resourceVersion)"
            case .modified(let object): "modified \(object.metadata.name) \(object.metadata.resourceVersion)"
            case .deleted(let object): "deleted \(object.metadata.name) \(object.metadata.resourceVersion)"
            case .bookmark(let version, let end): "bookmark \(version) \(end)"
            case .error, .malformed: "unexpected"
            }
        }
        #expect(
            story == [
                "added w2 293", "modified w2 295", "modified w1 297", "modified w1 298", "deleted w2 301",
                "bookmark 301 false",
            ]
        )
    }

    @Test("A streamed list ends with its marked bookmark", arguments: ObjectEncoding.allCases)
    func streamedList(encoding: ObjectEncoding) throws {
        let ending = encoding == .json ? "json" : "proto"
        let seen: [Seen<ServiceObject>] = try events("watch/streaming-list.services.\(ending)", encoding)
        #expect(seen.firstIndex(of: .bookmark("309", end: true)) == 3)
        let empty: [Seen<ServiceObject>] = try events("watch/streaming-list.empty.\(ending)", encoding)
        #expect(empty.first == .bookmark("309", end: true))
    }

    @Test("A slice's bookmark has no address type and is read all the same", arguments: ObjectEncoding.allCases)
    func sliceBookmark(encoding: ObjectEncoding) throws {
        let ending = encoding == .json ? "json" : "proto"
        let seen: [Seen<EndpointSliceObject>] = try events("watch/endpointslices.\(ending)", encoding)
        guard case .bookmark(let version, false)? = seen.last else {
            Issue.record("no bookmark at the end: \(seen)")
            return
        }
        #expect(!version.isEmpty)
        #expect(!seen.contains { if case .malformed = $0 { true } else { false } })
    }

    @Test("An ERROR event is a status", arguments: ObjectEncoding.allCases)
    func errors(encoding: ObjectEncoding) throws {
        let ending = encoding == .json ? "json" : "proto"
        let seen: [Seen<ServiceObject>] = try events("watch/too-old.services.\(ending)", encoding)
        #expect(
            seen == [
                .error(KubernetesStatus(code: 410, reason: "Expired", message: "too old resource version: 1 (933)"))
            ]
        )
        let disabled: [Seen<ServiceObject>] = try events("watch/old-etcd.streaming-list.\(ending)", encoding)
        guard case .error(let status)? = disabled.first else {
            Issue.record("no error: \(disabled)")
            return
        }
        #expect(status.code == 500)
        #expect(status.message.contains("RequestWatchProgress"))
    }

    @Test("Objects of another kind are malformed and do not end the watch")
    func tables() throws {
        let seen: [Seen<ServiceObject>] = try events("watch/services.table", .json)
        #expect(seen.count > 3)
        for event in seen.dropLast() {
            guard case .malformed(let object) = event else {
                Issue.record("read a Table as a Service: \(event)")
                continue
            }
            #expect(object.reason.contains("\"Table\""))
        }
    }

    @Test("Metadata alone is no Service; its name is known, which is enough to delete it")
    func partialMetadata() throws {
        let json: [Seen<ServiceObject>] = try events("watch/services.partial-metadata.json", .json)
        let protobuf: [Seen<ServiceObject>] = try events("watch/services.partial-metadata.proto", .protobuf)
        for seen in [json, protobuf] {
            guard case .malformed(let object)? = seen.first, case .bookmark? = seen.last else {
                Issue.record("unexpected: \(seen)")
                return
            }
            #expect(object.metadata?.name == "w2")
            #expect(
                seen.contains { if case .deleted(let service) = $0 { service.metadata.name == "w2" } else { false } }
            )
        }
    }

    @Test("Minutes of nothing but bookmarks, and nothing at all")
    func quiet() throws {
        let bookmarks: [Seen<ServiceObject>] = try events("watch/bookmarks-over-time.json", .json)
        #expect(bookmarks.count >= 2)
        #expect(bookmarks.allSatisfy { if case .bookmark(_, false) = $0 { true } else { false } })
        let nothing: [Seen<ServiceObject>] = try events("watch/quiet.json", .json)
        #expect(nothing.isEmpty)
    }

    @Test("A watch that answers with the object itself is refused")
    func singleObject() throws {
        #expect(throws: ObjectDecodingError.self) {
            let _: [Seen<ServiceObject>] = try events("watch/single-object.json", .json)
        }
    }
}
