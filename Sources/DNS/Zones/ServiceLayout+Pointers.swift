import DNSCore
import ServiceCatalog

/// The way back from addresses to names.
extension ServiceLayout {
    /// That an address belongs to a host or, with `nil`, to the service itself.
    struct Pointer {
        let address: IPAddress
        /// In ``ServiceLayout/hosts``.
        let host: Int?
    }

    enum PointerDifference {
        /// The service now has the address; with its name there, unless there are several.
        case claimed(IPAddress, DomainName?)
        /// The service still has the address, under other names.
        case renamed(IPAddress)
        case released(IPAddress)
    }

    /// Ordered by address, the service itself before its hosts.
    func pointers() -> [Pointer] {
        var pointers: [Pointer] = []
        pointers.reserveCapacity(members.count + 2)
        if case .addresses = face {
            for address in addresses() { pointers.append(Pointer(address: address, host: nil)) }
        }
        for index in backends.indices {
            guard let address = backends[index].address else { continue }
            pointers.append(Pointer(address: address, host: backends[index].host))
        }
        func isBefore(_ left: Pointer, _ right: Pointer) -> Bool {
            left.address != right.address ? left.address < right.address : (left.host ?? -1) < (right.host ?? -1)
        }
        if zip(pointers, pointers.dropFirst()).allSatisfy(isBefore) { return pointers }
        pointers.sort(by: isBefore)
        return pointers.indices.filter { $0 == 0 || isBefore(pointers[$0 - 1], pointers[$0]) }.map { pointers[$0] }
    }

    /// Reports the addresses for which `old` and `new`, layouts of one service, have different names.
    ///
    /// - Parameter hostNames: those of `new`.
    static func comparePointers(
        _ old: ServiceLayout?,
        _ new: ServiceLayout?,
        _ pairs: HostPairs,
        hostNames: [DomainName],
        report: (PointerDifference) -> Void
    ) {
        let (theirs, ours) = (old?.pointers() ?? [], new?.pointers() ?? [])
        func onlyName(of run: ArraySlice<Pointer>) -> DomainName? {
            guard run.count == 1, let pointer = run.first else { return nil }
            return pointer.host.map { hostNames[$0] } ?? new?.name
        }
        var (left, right) = (0, 0)
        while left < theirs.count || right < ours.count {
            if right == ours.count || left < theirs.count && theirs[left].address < ours[right].address {
                report(.released(theirs[left].address))
                left = endOfRun(theirs, from: left)
            } else if left == theirs.count || ours[right].address < theirs[left].address {
                let end = endOfRun(ours, from: right)
                report(.claimed(ours[right].address, onlyName(of: ours[right..<end])))
                right = end
            } else {
                let (leftEnd, rightEnd) = (endOfRun(theirs, from: left), endOfRun(ours, from: right))
                let isSame = theirs[left..<leftEnd].elementsEqual(ours[right..<rightEnd]) {
                    pairs.areSame($0.host, $1.host)
                }
                if !isSame { report(.renamed(ours[right].address)) }
                (left, right) = (leftEnd, rightEnd)
            }
        }
    }

    private static func endOfRun(_ pointers: [Pointer], from start: Int) -> Int {
        var end = start + 1
        while end < pointers.count, pointers[end].address == pointers[start].address { end += 1 }
        return end
    }
}
