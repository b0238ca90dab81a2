package import ServiceCatalog

/// A kind that can be read from both encodings. Implementations take the field table in `ObjectFields.swift` and leave
/// every rule to the kind's builder, so that the encodings cannot disagree.
package protocol ReadableObject: KubernetesObject {
    /// An object of which only the identity is known: enough to tell that it is gone.
    init(metadata: ObjectMetadata)

    /// Reads the object that is the cursor's next value.
    init(json: inout JSONCursor, context: inout DecodingContext) throws(ObjectDecodingError)

    /// Reads the object that is the cursor's whole message.
    init(wire: WireCursor, context: inout DecodingContext) throws(ObjectDecodingError)
}

/// What objects share while they are read one after the other, be they of one input or of several: strings that recur.
package struct DecodingContext: Sendable {
    /// Enough to mend a thing by; a broken slice may have a thousand bad addresses.
    static let maximumDiagnostics = 16

    /// Where the objects come from, which decides what is taken on trust.
    enum Source: Sendable {
        /// Everything was validated when it was stored; what does not fit is left out and reported.
        case server
        /// Written by hand: required fields and names are checked as an API server would.
        case manifest
    }

    let source: Source
    var interner = StringInterner()
    var places = PlaceInterner()
    private(set) var diagnostics: [ObjectDiagnostic] = []
    private var omitted = 0

    package init() { self.init(source: .server) }

    init(source: Source) { self.source = source }

    mutating func report(_ code: Problem.Code, at offset: Int, _ message: @autoclosure () -> String) {
        guard diagnostics.count < Self.maximumDiagnostics else {
            omitted += 1
            return
        }
        diagnostics.append(ObjectDiagnostic(Problem(code, message()), at: offset))
    }

    /// Those of the object under way; one more tells how many were left out.
    var problems: [Problem] {
        guard omitted > 0 else { return diagnostics.map(\.problem) }
        return diagnostics.map(\.problem) + [Problem(.objectInvalid, "and \(omitted) more problems in this object")]
    }

    /// Makes ready for the next object.
    mutating func discardDiagnostics() {
        guard !diagnostics.isEmpty else { return }
        diagnostics = []
        omitted = 0
    }
}

/// A value that was left out, and where it stood.
package struct ObjectDiagnostic: Hashable, Sendable {
    /// In bytes from the start of the input.
    package let offset: Int
    package let problem: Problem

    init(_ problem: Problem, at offset: Int) {
        self.problem = problem
        self.offset = offset
    }

    init(_ error: ObjectDecodingError) {
        // In YAML a bare 5, true or 1.10 is no string, which surprises nearly everyone once.
        let hint = error.reason == .wrongType(expected: .string) ? "; put the value in quotes" : ""
        self.init(Problem(.objectInvalid, error.explanation + hint), at: error.offset)
    }
}
