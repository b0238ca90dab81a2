/// Something a person should mend: found while reading a system, and never a reason to drop the service it is about.
package struct Problem: Hashable, Sendable, CustomStringConvertible {
    /// A short, stable code of bounded number, fit for a metric label: `annotation-invalid`, `name-invalid`, …
    package enum Code: String, Hashable, Sendable, CaseIterable {
        case annotationInvalid = "annotation-invalid"
        case nameInvalid = "name-invalid"
        case nameCollision = "name-collision"
        case foreignEntry = "foreign-entry"
        case objectInvalid = "object-invalid"
        case fieldTruncated = "field-truncated"
        case portMissing = "port-missing"
        case addressUnusable = "address-unusable"
        case writeRefused = "write-refused"
    }

    package let code: Code
    /// The whole story for a person: what is wrong, where, and what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
