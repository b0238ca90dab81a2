import Glibc

/// Where a server's certificate and key are.
package struct CertificateFiles: Hashable, Sendable {
    /// PEM: the server's certificate first, then those between it and its authority.
    package var certificate: String
    /// PEM, without passphrase.
    package var key: String

    package init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }

    /// What tells one state of both files from another without reading them.
    struct Version: Hashable {
        fileprivate var certificate: FileVersion?
        fileprivate var key: FileVersion?
    }

    var version: Version { Version(certificate: FileVersion(certificate), key: FileVersion(key)) }
}

/// Which file a path leads to, behind all links, and in which state it is.
private struct FileVersion: Hashable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let times: [Int]

    /// `nil` when there is none.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        times = [status.st_mtim, status.st_ctim].flatMap { [Int($0.tv_sec), Int($0.tv_nsec)] }
    }
}

/// When files that may be in the middle of a change are read: once two looks in a row have seen the same.
struct ChangeWatch<Version: Equatable> {
    /// What was read last, whatever came of it; `nil` when it is to be read again.
    private var taken: Version?
    private var seen: Version

    init(taken: Version) {
        self.taken = taken
        seen = taken
    }

    /// Whether to read now.
    mutating func look(_ present: Version) -> Bool {
        defer { seen = present }
        guard present == seen, present != taken else { return false }
        taken = present
        return true
    }

    /// Has the files read again at the next look, though they be the same.
    mutating func retry() { taken = nil }
}
