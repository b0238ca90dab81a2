/// What stands around an object in protobuf: `k8s\0` and a `runtime.Unknown` naming its type.
enum ProtobufEnvelope {
    struct TypeMeta: Equatable {
        let apiVersion: String
        let kind: String
    }

    static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]

    static func wrap(_ message: [UInt8], apiVersion: String, kind: String) -> [UInt8] {
        prefix(length: message.count, apiVersion: apiVersion, kind: kind) + message + suffix
    }

    /// What comes before a message of `length` bytes.
    static func prefix(length: Int, apiVersion: String, kind: String) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.message(1) { type in
            type.string(1, apiVersion)
            type.string(2, kind)
        }
        return magic + writer.bytes + ProtobufWriter.header(2, length: length)
    }

    /// Content encoding and type: present and empty.
    static let suffix: [UInt8] = [0x1A, 0x00, 0x22, 0x00]

    /// Takes an envelope without its magic apart.
    static func open(_ bytes: ArraySlice<UInt8>) throws(ProtobufError) -> (TypeMeta, ArraySlice<UInt8>) {
        var reader = ProtobufReader(bytes)
        var apiVersion = ""
        var kind = ""
        var message: ArraySlice<UInt8> = []
        while let (number, value) = try reader.next() {
            switch number {
            case 1:
                var type = ProtobufReader(try value.message())
                while let (part, value) = try type.next() {
                    if part == 1 { apiVersion = try value.text() } else if part == 2 { kind = try value.text() }
                }
            case 2: message = try value.message()
            default: break
            }
        }
        return (TypeMeta(apiVersion: apiVersion, kind: kind), message)
    }
}
