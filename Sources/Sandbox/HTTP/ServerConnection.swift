internal import NIOCore
internal import Synchronization

/// One accepted connection, as faults address it.
package final class ServerConnection: Sendable {
    /// In the order of acceptance, from 1.
    package let id: Int
    let channel: any Channel
    private let current = Mutex<String?>(nil)

    init(id: Int, channel: any Channel) {
        self.id = id
        self.channel = channel
    }

    /// The target of the request being answered; `nil` while idle.
    package var target: String? { current.withLock { $0 } }

    func begin(target: String) { current.withLock { $0 = target } }

    func finish() { current.withLock { $0 = nil } }
}
