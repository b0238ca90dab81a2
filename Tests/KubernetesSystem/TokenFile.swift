import Foundation

/// A file with a token, gone with the test.
final class TokenFile: Sendable {
    let path = NSTemporaryDirectory() + "portolan-token-\(UUID().uuidString)"

    init(_ token: String) throws { try write(token) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ token: String) throws { try token.write(toFile: path, atomically: true, encoding: .utf8) }
}
