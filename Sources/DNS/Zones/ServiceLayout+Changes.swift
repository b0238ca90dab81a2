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
        let pairs = HostPairs(old, new)

        new?.appendHosts(differingFrom: old, pairs, hostNames: hostNames, to: &changes)
        let removals = old?.removals(comingTo: new) ?? []
        // SRV records must not lead to an alias (RFC 2782): those that would, go before the name becomes one.
        let becomesAlias = if case .alias = new?.face { true } else { false }
        if becomesAlias { changes.present += removals } else { changes.absent += removals }
        new?.appendOwnChanges(from: old, pairs, hostNames: hostNames, to: &changes)
        if let old {
            for host in pairs.unpaired where old.ownHosts.contains(host) {
                changes.absent.append(OwnerChange(owner: old.hostName(host), sets: []))
            }
        }

        if changes.pointers != nil {
            comparePointers(old, new, pairs, hostNames: hostNames) { changes.pointers?.append($0) }
        }
    }

    /// The changed sets of the service's own name and of those with an underscore.
    private func appendOwnChanges(
        from old: ServiceLayout?,
        _ pairs: HostPairs,
        hostNames: [DomainName],
        to changes: inout ForwardChanges
    ) {
        let own = entries(of: nil)
        let keepsPorts = old.map { isSame(own, as: $0.entries(of: nil), pairs) } ?? false
        var records: [RecordSet]?
        if !keepsPorts || old.map({ hasSameFace(as: $0) }) != true {
            records = portSets(own, hostNames: hostNames)
            changes.present.append(OwnerChange(owner: name, sets: faceSets + (records ?? [])))
        }
        // The name of an only port lists what the service's own name lists: compared, made and encoded once.
        let hasOnlyPort = hasOnlyPort
        let hadOnlyPort = hasOnlyPort && old.map { $0.hasOnlyPort && $0.portOwners == portOwners } == true
        for (index, owner) in portOwners.enumerated() {
            let entries = hasOnlyPort ? own : entries(of: index)
            if entries.isEmpty { continue }
            if hadOnlyPort {
                if keepsPorts { continue }
            } else if let old, let known = old.portOwners.firstIndex(of: owner),
                isSame(entries, as: old.entries(of: known), pairs)
            {
                continue
            }
            let sets = hasOnlyPort ? records : nil
            changes.present.append(OwnerChange(owner: owner, sets: sets ?? portSets(entries, hostNames: hostNames)))
        }
        for label in ServiceScheme.labels {
            guard let owner = bindingOwner(label) else { continue }
            if let old, old.bindingOwner(label) != nil, hasSameBindings(label, as: old, pairs) { continue }
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
        for (index, owner) in portOwners.enumerated() where hasEntries(of: index) {
            if let new, let kept = new.portOwners.firstIndex(of: owner), new.hasEntries(of: kept) { continue }
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

    private func appendHosts(
        differingFrom old: ServiceLayout?,
        _ pairs: HostPairs,
        hostNames: [DomainName],
        to changes: inout ForwardChanges
    ) {
        func append(_ host: Int) {
            let owner = hostNames[host]
            changes.present.append(OwnerChange(owner: owner, sets: hostSets(host, name: owner)))
        }
        guard let old else { return ownHosts.forEach(append) }
        for host in ownHosts {
            guard let known = pairs[host], isSameHost(host, as: known, of: old, pairs) else {
                append(host)
                continue
            }
        }
    }

    /// The hosts whose names are in the zone; foreign ones come after them.
    var ownHosts: Range<Int> {
        var end = hosts.count
        while end > 0, case .foreign = hosts[end - 1].key { end -= 1 }
        return 0..<end
    }

    private func isSameHost(_ host: Int, as oldHost: Int, of old: ServiceLayout, _ pairs: HostPairs) -> Bool {
        let (members, oldMembers) = (hosts[host].members, old.hosts[oldHost].members)
        if members.count == 1, oldMembers.count == 1 {
            return isSameBackend(self.members[members.lowerBound], as: old.members[oldMembers.lowerBound], of: old)
        }
        var (mine, theirs): ([IPAddress], [IPAddress]) = ([], [])
        forEachAddress(of: host) { mine.append($0) }
        old.forEachAddress(of: oldHost) { theirs.append($0) }
        guard mine == theirs else { return false }
        return !hostsOfferPorts || isSame(entries(ofHost: host), as: old.entries(ofHost: oldHost), pairs)
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

    /// Whether the service's own name holds the same, SRV records aside.
    private func hasSameFace(as old: ServiceLayout) -> Bool {
        switch (face, old.face) {
        case (.alias(let mine), .alias(let theirs)): mine == theirs
        case (.alias, _), (_, .alias): false
        default: addresses() == old.addresses()
        }
    }

    /// Whether two layouts' entries make equal records.
    private func isSame(_ entries: [Entry], as theirs: [Entry], _ pairs: HostPairs) -> Bool {
        entries.elementsEqual(theirs) { mine, theirs in
            mine.port == theirs.port && mine.priority == theirs.priority && mine.weight == theirs.weight
                && mine.isLastResort == theirs.isLastResort && mine.addresses == theirs.addresses
                && pairs.areSame(theirs.host, mine.host)
        }
    }
}

/// Which hosts two layouts of one name have in common.
struct HostPairs {
    /// By host of the new layout, the old one's with the same key.
    private var old: [Int?] = []
    /// Hosts of the old layout that the new one has not.
    private(set) var unpaired: [Int] = []

    /// Walks the hosts of both side by side.
    init(_ old: ServiceLayout?, _ new: ServiceLayout?) {
        guard let old, let new else {
            self.old = Array(repeating: nil, count: new?.hosts.count ?? 0)
            unpaired = old.map { Array($0.hosts.indices) } ?? []
            return
        }
        self.old.reserveCapacity(new.hosts.count)
        var host = 0
        for candidate in new.hosts.indices {
            var order = 1
            while host < old.hosts.count {
                order = old.order(of: old.hosts[host].key, to: new.hosts[candidate].key, in: new)
                guard order < 0 else { break }
                unpaired.append(host)
                host += 1
            }
            let isPair = host < old.hosts.count && order == 0
            self.old.append(isPair ? host : nil)
            if isPair { host += 1 }
        }
        unpaired += host..<old.hosts.count
    }

    /// The old host that is the new layout's `host`.
    subscript(host: Int) -> Int? { old[host] }

    /// Whether a host of the old layout is one of the new; `nil` is the service itself.
    func areSame(_ theirs: Int?, _ ours: Int?) -> Bool {
        guard let ours else { return theirs == nil }
        guard let pair = old[ours] else { return false }
        return pair == theirs
    }
}
