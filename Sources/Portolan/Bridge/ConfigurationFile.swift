internal import Foundation
internal import Glibc
internal import PortolanConfiguration

/// The configuration file on disk.
struct ConfigurationFile: Sendable {
    private static let sizeLimit = 1 << 20

    let path: String

    /// What tells one version of the file from another, without reading it.
    struct Fingerprint: Equatable {
        /// Behind all links: those of a mounted ConfigMap are exchanged, not the file.
        fileprivate let path: String
        fileprivate let modified: Date?
        fileprivate let size: UInt64
    }

    /// `nil` while there is no such file.
    var fingerprint: Fingerprint? {
        let real = URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: real) else { return nil }
        return Fingerprint(
            path: real,
            modified: attributes[.modificationDate] as? Date,
            size: (attributes[.size] as? NSNumber)?.uint64Value ?? 0
        )
    }

    /// Reads and checks the file; every mistake in it is in the failure's message.
    func load() throws(CommandFailure) -> Configuration {
        let text = try read()
        do {
            return try Configuration.reading(text, file: path, environment: ProcessEnvironment.all)
        } catch {
            throw CommandFailure(.configuration, message: error.description)
        }
    }

    private func read() throws(CommandFailure) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(errno) }
            guard count > 0 else { break }
            bytes += chunk[..<count]
            guard bytes.count <= Self.sizeLimit else {
                throw CommandFailure(.configuration, message: "\(path) is larger than 1 MiB; is it the right file?")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.configuration, message: "\(path) is not UTF-8 text")
        }
        return text
    }

    private func unreadable(_ code: Int32) -> CommandFailure {
        let reason = String(cString: strerror(code))
        return CommandFailure(
            .configuration,
            message: "\(path) cannot be read: \(reason); name a file with --config FILE"
        )
    }
}
