/// Something wrong in a directory of manifests, and where.
package struct ManifestProblem: Hashable, Sendable, CustomStringConvertible {
    package enum Severity: Sendable, Hashable {
        /// The file is not used: its last good state is kept.
        case error
        /// The file is used, but this in it does not do what was probably meant.
        case warning
    }

    package let severity: Severity
    /// Relative to the directory; empty for the directory itself.
    package let file: String
    /// `nil` when the file could not be read at all.
    package let position: SourcePosition?
    package let message: String

    package init(
        _ severity: Severity = .error,
        file: String,
        at position: SourcePosition? = nil,
        _ message: String
    ) {
        self.severity = severity
        self.file = file
        self.position = position
        self.message = message
    }

    /// `FILE:LINE:COLUMN: MESSAGE`, the form that editors find the place by.
    package var description: String {
        [file, position?.description ?? ""].filter { !$0.isEmpty }.joined(separator: ":")
            + (file.isEmpty ? message : ": \(message)")
    }
}

/// A place in a text, both numbers from 1. Columns count characters (Unicode scalars).
package struct SourcePosition: Hashable, Sendable, CustomStringConvertible {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package var description: String { "\(line):\(column)" }

    /// The place of the byte at `offset`.
    init(of offset: Int, in text: some Collection<UInt8>) {
        let before = text.prefix(offset)
        let line = before.reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
        let start = before.reversed().prefix { $0 != UInt8(ascii: "\n") }
        self.init(line: line, column: 1 + start.reduce(0) { $1 & 0xc0 == 0x80 ? $0 : $0 + 1 })
    }
}
