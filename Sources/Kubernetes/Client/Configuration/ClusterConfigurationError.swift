/// A mistake in a kubeconfig file or in the in-cluster environment: one message that names the thing and the way out.
package struct ClusterConfigurationError: Error, Hashable, Sendable {
    package let file: String?
    /// From 1.
    package let line: Int?
    /// From 1.
    package let column: Int?
    package let message: String

    package init(_ message: String, file: String? = nil, line: Int? = nil, column: Int? = nil) {
        self.message = message
        self.file = file
        self.line = line
        self.column = column
    }
}

extension ClusterConfigurationError: CustomStringConvertible {
    /// `file:line:column: message`, as far as the place is known.
    package var description: String {
        var place = file ?? ""
        if let line { place += ":\(line)" }
        if let column { place += ":\(column)" }
        return place.isEmpty ? message : "\(place): \(message)"
    }
}
