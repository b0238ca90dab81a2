extension Schema {
    /// The message of an object in canonical form, in the order and with the zero values Go's generated code writes.
    func protobuf(_ object: JSON) -> [UInt8] {
        var writer = ProtobufWriter()
        write(object, to: &writer)
        return writer.bytes
    }

    private func write(_ object: JSON, to writer: inout ProtobufWriter) {
        for field in wireOrder {
            let value = object[field.name] ?? .null
            if case .list(let element, _) = field.kind {
                for item in value.array ?? [] { write(item, element, field.number, to: &writer) }
            } else if case .map = field.kind {
                for entry in value.members ?? [] {
                    writer.message(field.number) { entryWriter in
                        entryWriter.string(1, entry.name)
                        entryWriter.string(2, entry.value.string ?? "")
                    }
                }
            } else if !value.isNull || field.presence != .pointer {
                write(value, field.kind, field.number, to: &writer)
            }
        }
    }

    private func write(_ value: JSON, _ kind: Kind, _ number: Int, to writer: inout ProtobufWriter) {
        switch kind {
        case .string: writer.string(number, value.string ?? "")
        case .bool: writer.varint(number, value.bool == true ? 1 : 0)
        case .int32, .int64: writer.varint(number, UInt64(bitPattern: value.int ?? 0))
        case .time, .microTime:
            writer.message(number) { time in
                guard let text = value.string, let timestamp = Timestamp(text) else { return }
                time.varint(1, UInt64(bitPattern: timestamp.seconds))
                time.varint(2, UInt64(timestamp.nanoseconds))
            }
        case .intOrString:
            writer.message(number) { choice in
                choice.varint(1, value.string == nil ? 0 : 1)
                choice.varint(2, UInt64(bitPattern: value.int ?? 0))
                choice.string(3, value.string ?? "")
            }
        case .raw: writer.message(number) { $0.bytes(1, value.encoded()) }
        case .object(let schema, _): writer.message(number) { schema.write(value, to: &$0) }
        case .map, .list: break
        }
    }

    /// Reads a message into a tree that is not yet in canonical form; unknown fields are skipped.
    func object(protobuf message: ArraySlice<UInt8>) throws(ProtobufError) -> JSON {
        var reader = ProtobufReader(message)
        var members = JSON.Members()
        while let (number, value) = try reader.next() {
            guard let field = wireOrder.first(where: { $0.number == number }) else { continue }
            switch field.kind {
            case .list(let element, _):
                let item = try read(value, element)
                members[field.name] = .array((members[field.name]?.array ?? []) + [item])
            case .map:
                var entry = ProtobufReader(try value.message())
                var key = ""
                var text = ""
                while let (part, value) = try entry.next() {
                    if part == 1 { key = try value.text() } else if part == 2 { text = try value.text() }
                }
                var map = members[field.name] ?? [:]
                map[key] = .string(text)
                members[field.name] = map
            default:
                let read = try read(value, field.kind)
                if !read.isNull { members[field.name] = read }
            }
        }
        return .object(members)
    }

    private func read(_ value: ProtobufReader.Value, _ kind: Kind) throws(ProtobufError) -> JSON {
        switch kind {
        case .string: return .string(try value.text())
        case .bool: return .bool(try value.varint() != 0)
        case .int32, .int64: return .int(Int64(bitPattern: try value.varint()))
        case .time, .microTime:
            var reader = ProtobufReader(try value.message())
            var timestamp: Timestamp?
            while let (part, value) = try reader.next() {
                var present = timestamp ?? Timestamp(seconds: 0)
                if part == 1 { present.seconds = Int64(bitPattern: try value.varint()) }
                if part == 2 { present.nanoseconds = Int64(bitPattern: try value.varint()) }
                timestamp = present
            }
            guard let timestamp else { return .null }
            if case .microTime = kind { return .string(timestamp.microText) }
            return .string(timestamp.text)
        case .intOrString:
            var reader = ProtobufReader(try value.message())
            var isText = false
            var number: Int64 = 0
            var text = ""
            while let (part, value) = try reader.next() {
                switch part {
                case 1: isText = try value.varint() == 1
                case 2: number = Int64(bitPattern: try value.varint())
                case 3: text = try value.text()
                default: break
                }
            }
            return isText ? .string(text) : .int(number)
        case .raw:
            var reader = ProtobufReader(try value.message())
            guard let (_, value) = try reader.next() else { return .null }
            return (try? JSON(parsing: Array(try value.message()))) ?? .null
        case .object(let schema, _): return try schema.object(protobuf: try value.message())
        case .map, .list: return .null
        }
    }
}
