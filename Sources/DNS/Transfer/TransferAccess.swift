package import DNSCore
package import ServiceCatalog

/// Who may transfer a zone: whoever meets one of the rules.
package struct TransferAccess: Sendable, Equatable {
    package struct Rule: Sendable, Equatable {
        /// `nil` for any address.
        package var range: AddressRange?
        /// The key that must have signed; `nil` for none.
        package var key: DomainName?

        package init(range: AddressRange? = nil, key: DomainName? = nil) {
            self.range = range
            self.key = key
        }
    }

    package var rules: [Rule]

    package init(_ rules: [Rule]) { self.rules = rules }

    /// - Parameter key: the one that has signed the request.
    package func allows(_ address: IPAddress, signedWith key: DomainName?) -> Bool {
        rules.contains { rule in
            (rule.range?.contains(address) ?? true) && (rule.key.map { $0 == key } ?? true)
                && (rule.range != nil || rule.key != nil)
        }
    }
}
