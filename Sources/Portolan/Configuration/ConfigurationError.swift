/// Everything that is wrong with a configuration file; at least one mistake.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package struct Mistake: Hashable, Sendable, CustomStringConvertible {
        package let file: String
        /// From 1; 0 where the mistake has no place (the file cannot be read).
        package let line: Int
        package let column: Int
        package let message: String

        package var description: String {
            line == 0 ? "\(file): \(message)" : "\(file):\(line):\(column): \(message)"
        }
    }

    package let mistakes: [Mistake]

    package var description: String {
        mistakes.map(\.description).joined(separator: "\n")
    }
}
