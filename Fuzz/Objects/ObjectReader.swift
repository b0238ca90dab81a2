import FuzzSupport
package import KubernetesObjects
import ServiceCatalog

/// Reads octets as everything that an API server may send, and holds the readings to each other.
package struct ObjectReader {
    /// An object within other answers.
    package struct Wrapping {
        let list: [UInt8]
        let event: [UInt8]

        /// - Parameters:
        ///   - list: holds the object twice.
        ///   - event: of type `ADDED`.
        package init(list: [UInt8], event: [UInt8]) {
            self.list = list
            self.event = event
        }
    }

    private let encoding: ObjectEncoding
    private let wrap: ([UInt8]) -> Wrapping?

    /// - Parameter wrap: gives `nil` for octets that would break out of what they are wrapped in.
    package init(encoding: ObjectEncoding, wrap: @escaping ([UInt8]) -> Wrapping?) {
        self.encoding = encoding
        self.wrap = wrap
    }

    package func check(_ bytes: [UInt8]) {
        check(bytes, ServiceObject.self) { $0.problems }
        check(bytes, EndpointSliceObject.self) { slice in
            let again = EndpointSliceObject(metadata: slice.metadata, endpoints: slice.endpoints)
            require(again.endpoints == slice.endpoints, "endpoints are in order, each once")
            return slice.problems
        }
        check(bytes, EndpointsObject.self) { object in
            let again = EndpointsObject(metadata: object.metadata, endpoints: object.endpoints)
            require(again.endpoints == object.endpoints, "endpoints are in order, each once")
            return object.problems
        }
    }

    private func check<Object: ReadableObject>(
        _ bytes: [UInt8],
        _: Object.Type,
        problems: (Object) -> [Problem]
    ) {
        checkList(bytes, Object.self)
        Self.checkEvent(bytes, encoding, Object.self)
        let wrapping = wrap(bytes)
        do throws(ObjectDecodingError) {
            let object = try ObjectDecoder<Object>.decodeObject(bytes, encoding: encoding)
            require(!object.metadata.name.isEmpty, "an object has a name")
            let problems = problems(object)
            require(problems.count <= 17, "problems are bounded")
            require(problems.allSatisfy { $0.message.utf8.count <= 1024 }, "a problem is short")
            if let wrapping { check(object, in: wrapping) }
        } catch {
            check(error, in: bytes)
            if let wrapping { checkIsUnreadable(wrapping, Object.self) }
        }
    }

    // MARK: - Within others

    private func check<Object: ReadableObject>(_ object: Object, in wrapping: Wrapping) {
        do throws(ObjectDecodingError) {
            let list = try ObjectDecoder<Object>.decodeList(wrapping.list, encoding: encoding)
            require(list.items == [object, object], "an object is the same in a list")
            require(list.malformed.isEmpty, "and nothing else is there")
            let event = try ObjectDecoder<Object>.decodeEvent(wrapping.event, encoding: encoding)
            guard case .added(object) = event else { fatalError("an object is the same in an event: \(event)") }
        } catch {
            require(error.reason == .tooDeep, "what can be read alone can be read within others: \(error)")
        }
    }

    private func checkIsUnreadable<Object: ReadableObject>(_ wrapping: Wrapping, _: Object.Type) {
        do throws(ObjectDecodingError) {
            let list = try ObjectDecoder<Object>.decodeList(wrapping.list, encoding: encoding)
            require(list.items.isEmpty && list.malformed.count == 2, "what cannot be read does not hide the others")
            let event = try ObjectDecoder<Object>.decodeEvent(wrapping.event, encoding: encoding)
            guard case .malformed = event else { fatalError("an unreadable object was read in an event: \(event)") }
        } catch {
            switch error.reason {
            case .tooDeep, .unexpectedKind: break
            default: fatalError("an unreadable object makes its list or event unreadable: \(error)")
            }
        }
    }

    private func checkList<Object: ReadableObject>(_ bytes: [UInt8], _: Object.Type) {
        do throws(ObjectDecodingError) {
            let list = try ObjectDecoder<Object>.decodeList(bytes, encoding: encoding)
            require(!list.resourceVersion.isEmpty, "a list has a version")
            require(list.items.allSatisfy { !$0.metadata.name.isEmpty }, "an object has a name")
            for object in list.malformed { Self.check(object) }
        } catch {
            check(error, in: bytes)
        }
    }

    private func check(_ error: ObjectDecodingError, in bytes: [UInt8]) { Self.check(error, in: bytes) }

    // MARK: - Events

    /// Reads `bytes` as one frame of a watch.
    package static func checkEvent<Object: ReadableObject>(
        _ bytes: [UInt8],
        _ encoding: ObjectEncoding,
        _: Object.Type
    ) {
        do throws(ObjectDecodingError) {
            switch try ObjectDecoder<Object>.decodeEvent(bytes, encoding: encoding) {
            case .added(let object), .modified(let object), .deleted(let object):
                require(!object.metadata.name.isEmpty, "an object has a name")
            case .bookmark(let version, _):
                require(!version.isEmpty, "a bookmark has a version")
            case .malformed(let object):
                check(object)
            case .error:
                break
            }
        } catch {
            check(error, in: bytes)
        }
    }

    private static func check(_ object: MalformedObject) {
        require(!object.reason.isEmpty && object.reason.utf8.count <= 1024, "a reason is short")
        require(object.metadata?.name.isEmpty != true, "an identity has a name")
    }

    private static func check(_ error: ObjectDecodingError, in bytes: [UInt8]) {
        require(error.description.utf8.count <= 1024, "an error is short")
        require((0...bytes.count).contains(error.offset), "an error's place is in the input")
    }
}
