/// Why bytes from an API server could not be read. Small, and never a copy of the bytes.
package struct ObjectDecodingError: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// The bytes end inside a value.
        case truncated
        /// Something follows where the value should have ended.
        case trailingBytes
        case tooDeep

        // JSON
        case unexpectedByte(UInt8)
        /// A control character or an unknown escape in a string.
        case invalidString
        case invalidNumber
        case wrongType(expected: JSONType)

        // Protobuf
        case invalidVarint
        case unknownWireType(UInt8)
        case wrongWireType(field: Int)
        case invalidFieldNumber
        /// The four bytes `k8s\0` are missing.
        case noEnvelope

        // Meaning
        /// By its path.
        case missingField(String)
        case unexpectedKind(found: String, expected: String)
        case unknownEventType(String)
    }

    package enum JSONType: String, Hashable, Sendable {
        case object = "an object"
        case array = "a list"
        case string = "a string"
        case integer = "a whole number"
        case boolean = "true or false"
    }

    package let reason: Reason
    /// In bytes from the start of the input.
    package let offset: Int

    init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

extension ObjectDecodingError: CustomStringConvertible {
    package var description: String { "\(explanation) at byte \(offset)" }

    /// What is wrong, without the place.
    package var explanation: String {
        switch reason {
        case .truncated: "the data ends in the middle of a value"
        case .trailingBytes: "unexpected data after the end of the value"
        case .tooDeep: "values are nested too deep"
        case .unexpectedByte(let byte): "unexpected \(Self.name(of: byte))"
        case .invalidString: "a string holds a control character or an unknown escape"
        case .invalidNumber: "a number is not written as JSON allows"
        case .wrongType(let expected): "expected \(expected.rawValue)"
        case .invalidVarint: "a protobuf number is longer than 64 bits"
        case .unknownWireType(let type): "unknown protobuf wire type \(type)"
        case .wrongWireType(let field): "protobuf field \(field) has an unexpected wire type"
        case .invalidFieldNumber: "a protobuf field number is out of range"
        case .noEnvelope: "not Kubernetes protobuf: it does not begin with \"k8s\\0\""
        case .missingField(let path): "\(path) is missing"
        case .unexpectedKind(let found, let expected): "found the kind \"\(found)\" instead of \"\(expected)\""
        case .unknownEventType(let type): "unknown watch event type \"\(type)\""
        }
    }

    private static func name(of byte: UInt8) -> String {
        (0x21...0x7e).contains(byte) ? "\"\(Character(Unicode.Scalar(byte)))\"" : "byte \(byte)"
    }
}
