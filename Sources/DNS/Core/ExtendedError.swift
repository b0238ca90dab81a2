/// Why an answer is what it is, beyond its response code (RFC 8914). It goes to those who speak EDNS, and changes nothing for
/// those who do not know it.
package struct ExtendedError: Hashable, Sendable, RawRepresentable {
    /// The number of the EDNS option.
    package static let option: UInt16 = 15

    /// The INFO-CODE.
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The source of the zone is out of reach; this is the last known state.
    package static let staleAnswer = ExtendedError(rawValue: 3)
    /// The zone has not been loaded yet.
    package static let notReady = ExtendedError(rawValue: 14)
    /// The asker may not ask this.
    package static let prohibited = ExtendedError(rawValue: 18)
    /// As ``staleAnswer``, and in that state the name does not exist.
    package static let staleNXDomainAnswer = ExtendedError(rawValue: 19)
    /// The question is outside of every zone served here.
    package static let notAuthoritative = ExtendedError(rawValue: 20)
    /// The operation or type is none that this server knows.
    package static let notSupported = ExtendedError(rawValue: 21)
    /// The source of the zone has been out of reach for too long to go on with the last known state.
    package static let invalidData = ExtendedError(rawValue: 24)
}
