import Foundation
import Glibc
import Testing

@testable import DNSState

@Suite struct StateDirectoryTests {
    private let path = NSTemporaryDirectory() + "portolan-state-\(UUID().uuidString)"

    /// What is in the directory.
    private func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }

    private func clear() { try? FileManager.default.removeItem(atPath: path) }

    @Test("A file is written beside and put in place whole; nobody else may read it, and nothing is left over")
    func write() throws {
        defer { clear() }
        let directory = StateDirectory(path: path)
        #expect(try directory.read("east") == nil)
        try directory.write("east", [1, 2, 3])
        try directory.write("east", [4])
        #expect(try directory.read("east") == [4])
        #expect(try files() == ["east", "lock"])
        for (name, mode) in [("", 0o700), ("/east", 0o600)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path + name)
            #expect(attributes[.posixPermissions] as? Int == mode)
        }
    }

    @Test("What stands in the way of writing is told without writing anything")
    func obstacle() throws {
        defer { clear() }
        #expect(StateDirectory(path: path).obstacle == nil && StateDirectory(path: path + "/").obstacle == nil)
        #expect(!FileManager.default.fileExists(atPath: path), "it has been made")
        #expect(StateDirectory(path: "\(path)/below").obstacle == "\(path)/: No such file or directory")
        try StateDirectory(path: path).write("east", [1])
        #expect(StateDirectory(path: path).obstacle == nil && StateDirectory(path: "\(path)/below").obstacle == nil)
        #expect(StateDirectory(path: "\(path)/east").obstacle == "\(path)/east is not a directory")
        #expect(StateDirectory(path: "\(path)/east/below").obstacle == "\(path)/east/below: Not a directory")
        #expect(try files() == ["east", "lock"])
    }

    @Test("One process writes; another reads, and writes once the first is gone")
    func lock() throws {
        defer { clear() }
        let second = StateDirectory(path: path)
        do {
            let first = StateDirectory(path: path)
            try first.write("east", [1])
            #expect(throws: StateWriteError.inUse) { try second.write("east", [2]) }
            #expect(try second.read("east") == [1])
            withExtendedLifetime(first) {}
        }
        try second.write("east", [2])
        #expect(try second.read("east") == [2])
    }

    @Test("Where nothing can be written, the system's words say why, and the file that was there stays")
    func failures() throws {
        defer { clear() }
        let missing = StateDirectory(path: path + "/a/b")
        #expect(throws: StateWriteError.failed("No such file or directory")) { try missing.write("east", [1]) }
        #expect(try missing.read("east") == nil)

        let directory = StateDirectory(path: path)
        try directory.write("east", [1])
        // Whoever runs the tests may write anywhere, but not into a folder.
        mkdir("\(path)/.east.new", 0o700)
        #expect(throws: StateWriteError.self) { try directory.write("east", [2]) }
        #expect(try directory.read("east") == [1])
        #expect(try files() == [".east.new", "east", "lock"])
    }

    @Test("What is no file is not read, and a link is not followed")
    func strangeFiles() throws {
        defer { clear() }
        let directory = StateDirectory(path: path)
        try directory.write("east", [1])
        mkdir("\(path)/folder", 0o700)
        mkfifo("\(path)/pipe", 0o600)
        symlink("/etc/passwd", "\(path)/link")
        for name in ["folder", "pipe", "link"] {
            #expect(throws: StateFileError.self, "\(name)") { try directory.read(name) }
        }
    }
}
