import DNSCore
import ServiceCatalog

/// Changes to the names of services, in two steps.
struct ForwardChanges {
    /// Names that appear or change: a name before the sets that refer to it.
    var present: [OwnerChange] = []
    /// Names that go: what refers to a name before the name.
    var absent: [OwnerChange] = []
    /// Addresses that lead to other names; `nil` where nobody asks.
    var pointers: [ServiceLayout.PointerDifference]?
}

extension ServiceLayout {
    /// What makes a zone that shows `old` show `new`. Layouts of two services may be compared when both have the same
    /// name.
    static func compare(_ old: ServiceLayout?, _ new: ServiceLayout?, into changes: inout ForwardChanges) {
        let old = old.flatMap { $0.exists ? $0 : nil }
        let new = new.flatMap { $0.exists ? $0 : nil }
        let hostNames = new?.hostNames() ?? []

        var hostsGone: [OwnerChange] = []
        compareHosts(old, new) { difference in
            switch difference {
            case .gone(let owner): hostsGone.append(OwnerChange(owner: owner, sets: []))
            case .present(let host):
                let owner = hostNames[host]
                changes.present.append(OwnerChange(owner: owner, sets: new?.hostSets(host, name: owner) ?? []))
            }
        }
        let removals = old?.removals(comingTo: new) ?? []
        // SRV records must not lead to an alias (RFC 2782): those that would, go before the name becomes one.
        let becomesAlias = if case .alias = new?.face { true } else { false }
        if becomesAlias { changes.present += removals } else { changes.absent += removals }
        new?.appendOwnChanges(from: old, hostNames: hostNames, to: &changes)
        changes.absent += hostsGone

        if changes.pointers != nil {
            comparePointers(old, new, hostNames: hostNames) { changes.pointers?.append($0) }
        }
    }

    /// The changed sets of the service's own name and of those with an underscore.
    private func appendOwnChanges(from old: ServiceLayout?, hostNames: [DomainName], to changes: inout ForwardChanges) {
        if old.map({ hasSameFace(as: $0) }) != true {
            changes.present.append(OwnerChange(owner: name, sets: ownSets(hostNames: hostNames)))
        }
        for (index, owner) in portOwners.enumerated() {
            let entries = entries(of: index)
            if entries.isEmpty { continue }
            if let old, let known = old.portOwners.firstIndex(of: owner),
                isSame(entries, as: old.entries(of: known), of: old)
            {
                continue
            }
            changes.present.append(OwnerChange(owner: owner, sets: portSets(entries, hostNames: hostNames)))
        }
        for label in ServiceScheme.labels {
            guard let owner = bindingOwner(label) else { continue }
            if let old, old.bindingOwner(label) != nil, hasSameBindings(label, as: old) { continue }
            changes.present.append(OwnerChange(owner: owner, sets: bindingSets(label, hostNames: hostNames)))
        }
        if let owner = grpcConfigOwner, grpcConfig != old?.grpcConfig {
            changes.present.append(OwnerChange(owner: owner, sets: grpcConfigSets))
        }
    }

    /// Changes for the names that `new` has no longer, those of hosts aside.
    private func removals(comingTo new: ServiceLayout?) -> [OwnerChange] {
        var removals: [OwnerChange] = []
        if let owner = grpcConfigOwner, new?.grpcConfigOwner == nil {
            removals.append(OwnerChange(owner: owner, sets: []))
        }
        for (index, owner) in portOwners.enumerated() where !entries(of: index).isEmpty {
            if let new, let kept = new.portOwners.firstIndex(of: owner), !new.entries(of: kept).isEmpty { continue }
            removals.append(OwnerChange(owner: owner, sets: []))
        }
        for label in ServiceScheme.labels {
            if let owner = bindingOwner(label), new?.bindingOwner(label) == nil {
                removals.append(OwnerChange(owner: owner, sets: []))
            }
        }
        if new == nil { removals.append(OwnerChange(owner: name, sets: [])) }
        return removals
    }

    // MARK: Hosts

    private enum HostDifference {
        case gone(DomainName)
        /// A host of the new layout, to be spelt out.
        case present(Int)
    }

    /// Walks the hosts of both layouts side by side and reports those in the zone that differ.
    private static func compareHosts(_ old: ServiceLayout?, _ new: ServiceLayout?, _ report: (HostDifference) -> Void) {
        let (oldEnd, newEnd) = (old?.ownHosts.upperBound ?? 0, new?.ownHosts.upperBound ?? 0)
        var (oldHost, newHost) = (0, 0)
        while let old, oldHost < oldEnd {
            guard let new, newHost < newEnd else { break }
            let (oldKey, newKey) = (old.hosts[oldHost].key, new.hosts[newHost].key)
            if oldKey == newKey {
                if !new.isSameHost(newHost, as: oldHost, of: old) { report(.present(newHost)) }
                oldHost += 1
                newHost += 1
            } else if oldKey < newKey {
                report(.gone(old.hostName(oldHost)))
                oldHost += 1
            } else {
                report(.present(newHost))
                newHost += 1
            }
        }
        if let old { for host in oldHost..<oldEnd { report(.gone(old.hostName(host))) } }
        for host in newHost..<newEnd { report(.present(host)) }
    }

    /// The hosts whose names are in the zone; foreign ones come after them.
    var ownHosts: Range<Int> {
        var end = hosts.count
        while end > 0, case .foreign = hosts[end - 1].key { end -= 1 }
        return 0..<end
    }

    private func isSameHost(_ host: Int, as oldHost: Int, of old: ServiceLayout) -> Bool {
        let (members, oldMembers) = (hosts[host].members, old.hosts[oldHost].members)
        if members.count == 1, oldMembers.count == 1 {
            return isSameBackend(self.members[members.lowerBound], as: old.members[oldMembers.lowerBound], of: old)
        }
        var (mine, theirs): ([IPAddress], [IPAddress]) = ([], [])
        forEachAddress(of: host) { mine.append($0) }
        old.forEachAddress(of: oldHost) { theirs.append($0) }
        guard mine == theirs else { return false }
        return !hostsOfferPorts || isSame(entries(ofHost: host), as: old.entries(ofHost: oldHost), of: old)
    }

    private func isSameBackend(_ backend: Int, as oldBackend: Int, of old: ServiceLayout) -> Bool {
        guard backends[backend].address == old.backends[oldBackend].address else { return false }
        if !hostsOfferPorts { return true }
        return backends[backend].priority == old.backends[oldBackend].priority
            && backends[backend].weight == old.backends[oldBackend].weight
            && backends[backend].isLastResort == old.backends[oldBackend].isLastResort
            && offers[backends[backend].offers].elementsEqual(old.offers[old.backends[oldBackend].offers]) {
                $0.port == $1.port
            }
    }

    // MARK: Sets

    private func hasSameFace(as old: ServiceLayout) -> Bool {
        switch (face, old.face) {
        case (.alias(let mine), .alias(let theirs)): mine == theirs
        case (.alias, _), (_, .alias): false
        default:
            addresses() == old.addresses() && isSame(entries(of: nil), as: old.entries(of: nil), of: old)
        }
    }

    /// Whether two layouts' entries make equal records.
    private func isSame(_ entries: [Entry], as theirs: [Entry], of old: ServiceLayout) -> Bool {
        entries.elementsEqual(theirs) { mine, theirs in
            mine.port == theirs.port && mine.priority == theirs.priority && mine.weight == theirs.weight
                && mine.isLastResort == theirs.isLastResort && mine.addresses == theirs.addresses
                && mine.host.map { hosts[$0].key } == theirs.host.map { old.hosts[$0].key }
        }
    }
}
