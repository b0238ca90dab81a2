internal import DNSCore
internal import DNSSigning
internal import Foundation
internal import Glibc

/// A directory of key files in BIND's format, for one zone or several.
struct KeyDirectory: Equatable {
    /// What was read for the zones that were asked for.
    struct Contents {
        var keys: [DomainName: ZoneKeys] = [:]
        /// What should be mended, although it can be worked with.
        var warnings: [String] = []
    }

    private static let sizeLimit = 64 * 1024

    let path: String

    /// Reads the keys of `zone`, which must have an active one, and of those of `others` that have any.
    ///
    /// Every mistake in a file of one of these zones is in the failure; files of other zones are passed over.
    func load(_ zone: DomainName, others: [DomainName], at now: Int64) throws(CommandFailure) -> Contents {
        let files: [String]
        do {
            files = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw CommandFailure(
                .configuration,
                message: "the key directory \(path) of zone \(zone) cannot be read: \(error.localizedDescription)"
            )
        }
        let names = files.compactMap { KeyFileName(publicFile: $0) }
        var contents = Contents()
        var mistakes: [String] = []
        for zone in [zone] + others {
            var keys: [SigningKey] = []
            let own = names.filter { $0.zone == zone }
            for name in own {
                do throws(KeyFileError) {
                    keys.append(try read(name, &contents.warnings))
                } catch {
                    mistakes.append("\(path)/\(error)")
                }
            }
            if !own.isEmpty { contents.keys[zone] = ZoneKeys(zone: zone, keys: keys) }
        }
        if mistakes.isEmpty { mistakes = missing(zone, contents, names, now) }
        guard mistakes.isEmpty else {
            throw CommandFailure(.configuration, message: mistakes.joined(separator: "\n"))
        }
        return contents
    }

    private func missing(_ zone: DomainName, _ contents: Contents, _ names: [KeyFileName], _ now: Int64) -> [String] {
        guard contents.keys[zone] != nil else {
            let found = Set(names.map(\.zone.description)).sorted().joined(separator: ", ")
            return [
                "\(path): there is no key of zone \(zone)\(found.isEmpty ? "" : ", only of \(found)"); make one with "
                    + "\"portolan dnssec keygen --zone \(zone) --directory \(path)\" or dnssec-keygen"
            ]
        }
        return contents.keys.values.filter { $0.zoneSigning(at: now).isEmpty }.map { keys in
            "\(path): no key of zone \(keys.zone) is active now; see the times in the files of "
                + keys.keys.map { KeyFileName(of: $0.key).stem }.joined(separator: ", ")
        }.sorted()
    }

    private func read(_ name: KeyFileName, _ warnings: inout [String]) throws(KeyFileError) -> SigningKey {
        let publicText = try text(of: name.publicFile)
        let privateText = try text(of: name.privateFile)
        let attributes = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name.privateFile)")
        if let mode = attributes?[.posixPermissions] as? NSNumber, mode.uint16Value & 0o007 != 0 {
            warnings.append("\(path)/\(name.privateFile): every user may read it; chmod o= would end that")
        }
        return try KeyFile.read(name, publicText: publicText, privateText: privateText)
    }

    private func text(of file: String) throws(KeyFileError) -> String {
        let descriptor = open("\(path)/\(file)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw KeyFileError(file: file, reason: .unreadableFile(String(cString: strerror(errno))))
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.sizeLimit + 1)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else {
            throw KeyFileError(file: file, reason: .unreadableFile(String(cString: strerror(errno))))
        }
        guard count <= Self.sizeLimit, let text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw KeyFileError(file: file, reason: .notText)
        }
        return text
    }

    /// Writes the two files of a new key, the private one for its owner's eyes only. Nothing is overwritten.
    func write(_ key: SigningKey, at now: Int64) throws(CommandFailure) -> KeyFileName {
        let name = KeyFileName(of: key.key)
        let texts = KeyFile.write(key, created: now)
        try create(name.privateFile, texts.privateText, mode: 0o600)
        try create(name.publicFile, texts.publicText, mode: 0o644)
        return name
    }

    private func create(_ file: String, _ text: String, mode: mode_t) throws(CommandFailure) {
        let descriptor = open("\(path)/\(file)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        let bytes = Array(text.utf8)
        let isWritten = descriptor >= 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count
        let code = errno
        if descriptor >= 0 { close(descriptor) }
        guard isWritten else {
            throw CommandFailure(
                code == EACCES || code == EPERM ? .permission : .failure,
                message: "\(path)/\(file) cannot be written: \(String(cString: strerror(code)))"
            )
        }
    }
}
