/// Kubernetes' strategic merge patch: a merge patch that knows which lists are keyed.
enum StrategicMergePatch {
    static func apply(_ patch: JSON, to object: JSON, _ schema: Schema) -> JSON {
        merge(patch, into: object, .object(schema)) ?? [:]
    }

    /// `nil` when the patch deletes the value.
    private static func merge(_ patch: JSON, into value: JSON?, _ kind: Schema.Kind?) -> JSON? {
        if patch.isNull { return nil }
        switch (patch, kind) {
        case (.object(let changes), _): return mergeObject(changes, into: value, kind)
        case (.array(let items), .list(let element, .keyed(let keys))):
            guard let key = keys.first?.name else { return patch }
            return mergeKeyed(items, into: value?.array ?? [], key: key, element, order: nil)
        case (.array(let items), .list(_, .set)): return mergeSet(items, into: value?.array ?? [])
        default: return patch
        }
    }

    private static func mergeObject(_ changes: JSON.Members, into value: JSON?, _ kind: Schema.Kind?) -> JSON? {
        switch changes["$patch"]?.string {
        case "delete": return nil
        case "replace": return .object(JSON.Members(list: changes.list.filter { $0.name != "$patch" }))
        default: break
        }
        var schema: Schema?
        if case .object(let known, _)? = kind { schema = known }
        var members = JSON.Members()
        if case .object(let present) = value ?? [:] { members = present }
        if let kept = changes["$retainKeys"]?.array?.compactMap(\.string) {
            members.list.removeAll { !kept.contains($0.name) }
        }
        for change in changes.list {
            if change.name.hasPrefix("$deleteFromPrimitiveList/") {
                let name = String(change.name.dropFirst("$deleteFromPrimitiveList/".count))
                let gone = change.value.array ?? []
                members[name] = (members[name]?.array).map { .array($0.filter { !gone.contains($0) }) }
            }
            guard !change.name.hasPrefix("$") else { continue }
            let field = schema?[change.name]
            let order = changes["$setElementOrder/\(change.name)"]?.array
            if case .list(let element, .keyed(let keys))? = field?.kind, let key = keys.first?.name,
                let items = change.value.array
            {
                members[change.name] = mergeKeyed(
                    items,
                    into: members[change.name]?.array ?? [],
                    key: key,
                    element,
                    order: order
                )
            } else {
                members[change.name] = merge(change.value, into: members[change.name], field?.kind)
            }
        }
        return .object(members)
    }

    private static func mergeKeyed(
        _ changes: [JSON],
        into present: [JSON],
        key: String,
        _ element: Schema.Kind,
        order: [JSON]?
    ) -> JSON {
        if changes.contains(where: { $0["$patch"] == "replace" }) {
            return .array(changes.filter { $0["$patch"] == nil })
        }
        var items = present
        for change in changes {
            let matches = items.indices.filter { items[$0][key] == change[key] }
            if change["$patch"] == "delete" {
                items.removeAll { $0[key] == change[key] }
            } else if let index = matches.first {
                items[index] = mergeItem(change, into: items[index], element)
            } else {
                items.append(change)
            }
        }
        let patched = order ?? changes.filter { $0["$patch"] == nil }
        return .array(sorted(items, key: key, patchOrder: patched, serverOrder: present))
    }

    private static func mergeItem(_ change: JSON, into item: JSON, _ element: Schema.Kind) -> JSON {
        merge(change, into: item, element) ?? item
    }

    /// Items of the patch keep its order, the others theirs; between the two the server's order decides where it can.
    private static func sorted(
        _ items: [JSON],
        key: String,
        patchOrder: [JSON],
        serverOrder: [JSON]
    ) -> [JSON] {
        func place(_ item: JSON, _ order: [JSON]) -> Int? { order.firstIndex { $0[key] == item[key] } }
        var left = items.filter { place($0, patchOrder) == nil }[...]
        var right = items.filter { place($0, patchOrder) != nil }
            .sorted { (place($0, patchOrder) ?? 0) < (place($1, patchOrder) ?? 0) }[...]
        var merged: [JSON] = []
        while let own = left.first, let patched = right.first {
            if let first = place(own, serverOrder), let second = place(patched, serverOrder), first < second {
                merged.append(left.removeFirst())
            } else {
                merged.append(right.removeFirst())
            }
        }
        return merged + left + right
    }

    private static func mergeSet(_ items: [JSON], into present: [JSON]) -> JSON {
        .array(present + items.filter { !present.contains($0) })
    }
}
