/// JSON Patch (RFC 6902).
enum JSONPatch {
    /// The patched document, or `nil` when an operation fails.
    static func apply(_ operations: [JSON], to document: JSON) -> JSON? {
        var document = document
        for operation in operations {
            guard let path = operation["path"]?.string.flatMap(tokens) else { return nil }
            let from = operation["from"]?.string.flatMap(tokens)
            switch operation["op"]?.string {
            case "add": guard let value = operation["value"], add(value, path, to: &document) else { return nil }
            case "remove": guard remove(path, from: &document) != nil else { return nil }
            case "replace":
                guard let value = operation["value"], remove(path, from: &document) != nil,
                    add(value, path, to: &document)
                else { return nil }
            case "move":
                guard let from, let value = remove(from, from: &document), add(value, path, to: &document) else {
                    return nil
                }
            case "copy":
                guard let from, let value = find(from, in: document), add(value, path, to: &document) else {
                    return nil
                }
            case "test": guard find(path, in: document) ?? .null == operation["value"] ?? .null else { return nil }
            default: return nil
            }
        }
        return document
    }

    /// The steps of a JSON Pointer (RFC 6901).
    private static func tokens(_ pointer: String) -> ArraySlice<String>? {
        guard !pointer.isEmpty else { return [] }
        guard pointer.hasPrefix("/") else { return nil }
        return pointer.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            String($0.replacing("~1", with: "/").replacing("~0", with: "~"))
        }[...]
    }

    private static func find(_ path: ArraySlice<String>, in value: JSON) -> JSON? {
        guard let first = path.first else { return value }
        switch value {
        case .object(let members): return members[first].flatMap { find(path.dropFirst(), in: $0) }
        case .array(let elements):
            guard let index = Int(first), elements.indices.contains(index) else { return nil }
            return find(path.dropFirst(), in: elements[index])
        default: return nil
        }
    }

    private static func add(_ new: JSON, _ path: ArraySlice<String>, to value: inout JSON) -> Bool {
        guard let first = path.first else {
            value = new
            return true
        }
        let rest = path.dropFirst()
        switch value {
        case .object(var members):
            if rest.isEmpty {
                members[first] = new
            } else {
                guard var inner = members[first], add(new, rest, to: &inner) else { return false }
                members[first] = inner
            }
            value = .object(members)
        case .array(var elements):
            if rest.isEmpty {
                guard let index = first == "-" ? elements.count : Int(first), (0...elements.count).contains(index)
                else {
                    return false
                }
                elements.insert(new, at: index)
            } else {
                guard let index = Int(first), elements.indices.contains(index), add(new, rest, to: &elements[index])
                else { return false }
            }
            value = .array(elements)
        default: return false
        }
        return true
    }

    private static func remove(_ path: ArraySlice<String>, from value: inout JSON) -> JSON? {
        guard let first = path.first else { return nil }
        let rest = path.dropFirst()
        switch value {
        case .object(var members):
            guard var inner = members[first] else { return nil }
            let removed: JSON?
            if rest.isEmpty {
                removed = inner
                members[first] = nil
            } else {
                removed = remove(rest, from: &inner)
                members[first] = inner
            }
            value = .object(members)
            return removed
        case .array(var elements):
            guard let index = Int(first), elements.indices.contains(index) else { return nil }
            let removed = rest.isEmpty ? elements.remove(at: index) : remove(rest, from: &elements[index])
            value = .array(elements)
            return removed
        default: return nil
        }
    }
}
