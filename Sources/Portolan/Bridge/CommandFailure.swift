internal import ServiceCatalog

/// A command that ends without success: its exit code and what to tell the person.
package struct CommandFailure: Error, Equatable {
    /// Exit codes after sysexits.h where one fits.
    package enum Status: Int32, Sendable {
        case failure = 1
        case usage = 64
        case unavailable = 69
        case permission = 77
        case configuration = 78
    }

    package let status: Status
    package let message: String

    package init(_ status: Status, message: String) {
        self.status = status
        self.message = message
    }

    /// The same of a system, whose name comes first.
    func of(_ system: SystemName) -> CommandFailure { CommandFailure(status, message: "system \(system): \(message)") }
}
