import Glibc
import TestCertificates
import Testing

@testable import DNSServer

@Suite struct CertificateTests {
    /// Within the validity of the certificates that are valid: 2026-01-01.
    private static let now: Int64 = 1_767_225_600
    /// Within that of `expiredServer`: 2020-07-01.
    private static let before: Int64 = 1_593_561_600
    /// Within that of `futureServer`: 2111-01-01.
    private static let later: Int64 = 4_449_513_600

    struct Case: Sendable, CustomTestStringConvertible {
        var situation: String
        var certificate: PEMText?
        var key: PEMText?
        var reason: @Sendable (CertificateFolder) -> CertificateError

        var testDescription: String { situation }
    }

    static let unusable: [Case] = [
        .init(situation: "no certificate file", certificate: nil, key: Certificates.serverKey) {
            CertificateError(file: $0.files.certificate, reason: .unreadable(ENOENT))
        },
        .init(situation: "no key file", certificate: Certificates.server, key: nil) {
            CertificateError(file: $0.files.key, reason: .unreadable(ENOENT))
        },
        .init(situation: "a key for certificate", certificate: Certificates.serverKey, key: Certificates.serverKey) {
            CertificateError(file: $0.files.certificate, reason: .noCertificate)
        },
        .init(situation: "a certificate for key", certificate: Certificates.server, key: Certificates.server) {
            CertificateError(file: $0.files.key, reason: .noKey)
        },
        .init(situation: "another's key", certificate: Certificates.server, key: Certificates.clientKey) {
            CertificateError(file: $0.files.key, reason: .mismatch(certificate: $0.files.certificate))
        },
        .init(situation: "a passphrase", certificate: Certificates.client, key: Certificates.encryptedClientKey) {
            CertificateError(file: $0.files.key, reason: .passphrase)
        },
        .init(
            situation: "an endless file",
            certificate: PEMText(name: "large", text: String(repeating: "x", count: 2 << 20)),
            key: Certificates.serverKey
        ) {
            CertificateError(file: $0.files.certificate, reason: .tooLarge)
        },
    ]

    @Test("a pair that cannot be used is refused, and the message names the file", arguments: unusable)
    func refused(test: Case) throws {
        let folder = try CertificateFolder(test.certificate, test.key)
        let expected = test.reason(folder)
        #expect(throws: expected) { try ServerCertificate(folder.files) }
        #expect("\(expected)".contains(expected.file))
    }

    @Test("a new pair that cannot be used is refused once, and the old one stays", arguments: unusable)
    func kept(test: Case) throws {
        let folder = try CertificateFolder(Certificates.server, Certificates.serverKey)
        let certificate = try ServerCertificate(folder.files)
        let (context, end) = (certificate.context, certificate.notAfter)
        try folder.write(test.certificate, test.key)
        let findings = (0..<4).flatMap { _ in certificate.look(at: Self.now) }
        #expect(findings == [.refused(test.reason(folder))])
        #expect(certificate.context === context && certificate.notAfter == end)
        try folder.write(Certificates.client, Certificates.clientKey)
        #expect((0..<4).flatMap { _ in certificate.look(at: Self.now) } == [.exchanged])
        #expect(certificate.context !== context)
    }

    @Test("while files change from look to look nothing is read; half an exchange is not tried")
    func patience() throws {
        let folder = try CertificateFolder(Certificates.server, Certificates.serverKey)
        let certificate = try ServerCertificate(folder.files)
        #expect(certificate.look(at: Self.now) == [])
        try folder.write(Certificates.client, nil)
        #expect(certificate.look(at: Self.now) == [])
        try folder.write(nil, Certificates.clientKey)
        #expect(certificate.look(at: Self.now) == [])
        try folder.write(Certificates.client, Certificates.clientKey)
        #expect(certificate.look(at: Self.now) == [])
        #expect(certificate.look(at: Self.now) == [.exchanged])
        #expect(certificate.look(at: Self.now) == [])
    }

    @Test("what could not be read is read again though it has not changed")
    func retry() {
        var watch = ChangeWatch(taken: 1)
        var looks = [watch.look(2), watch.look(2), watch.look(2)]
        watch.retry()
        looks += [watch.look(2), watch.look(2)]
        #expect(looks == [false, true, false, true, false])
    }

    @Test("files behind a link that is exchanged are read anew, as in a mounted Secret")
    func links() throws {
        let folder = try CertificateFolder(Certificates.server, Certificates.serverKey)
        let other = try CertificateFolder(Certificates.client, Certificates.clientKey)
        let link = "\(folder.path)/data"
        #expect(symlink(folder.path, link) == 0)
        let files = CertificateFiles(certificate: "\(link)/certificate", key: "\(link)/key")
        let certificate = try ServerCertificate(files)
        #expect(symlink(other.path, "\(link)-new") == 0 && rename("\(link)-new", link) == 0)
        #expect((0..<3).flatMap { _ in certificate.look(at: Self.now) } == [.exchanged])
    }

    @Test("a certificate out of its time begins, is told of once, and gives way to a good one")
    func untimely() throws {
        let folder = try CertificateFolder(Certificates.expiredServer, Certificates.serverKey)
        let certificate = try ServerCertificate(folder.files)
        let error = CertificateError(file: folder.files.certificate, reason: .expired(certificate.notAfter))
        #expect(certificate.fault(at: Self.before) == nil)
        #expect(certificate.look(at: Self.before) == [])
        #expect(certificate.fault(at: Self.now) == error)
        #expect((0..<3).flatMap { _ in certificate.look(at: Self.now) } == [.untimely(error)])
        #expect("\(error)".contains("expired on 2021-01-01"))
        try folder.write(Certificates.server, Certificates.serverKey)
        #expect((0..<3).flatMap { _ in certificate.look(at: Self.now) } == [.exchanged])
        #expect(certificate.fault(at: Self.now) == nil)
    }

    @Test("a new certificate that has expired does not take the place of a good one")
    func expired() throws {
        let folder = try CertificateFolder(Certificates.server, Certificates.serverKey)
        let certificate = try ServerCertificate(folder.files)
        try folder.write(Certificates.expiredServer, Certificates.serverKey)
        let end = try ServerCertificate(folder.files).notAfter
        let findings = (0..<4).flatMap { _ in certificate.look(at: Self.now) }
        #expect(findings == [.refused(CertificateError(file: folder.files.certificate, reason: .expired(end)))])
        #expect(certificate.fault(at: Self.now) == nil)
    }

    @Test("a new certificate that is not valid yet waits for its time")
    func early() throws {
        let folder = try CertificateFolder(Certificates.server, Certificates.serverKey)
        let certificate = try ServerCertificate(folder.files)
        let end = certificate.notAfter
        try folder.write(Certificates.futureServer, Certificates.serverKey)
        let findings = (0..<4).flatMap { _ in certificate.look(at: Self.now) }
        guard case .refused(let error) = findings.first, case .notYetValid = error.reason, findings.count == 1 else {
            Issue.record("\(findings)")
            return
        }
        #expect(certificate.notAfter == end)
        #expect((0..<3).flatMap { _ in certificate.look(at: Self.later) } == [.exchanged])
        #expect(certificate.fault(at: Self.later) == nil)
    }
}

/// A folder with a certificate and a key.
final class CertificateFolder {
    let path: String

    var files: CertificateFiles { CertificateFiles(certificate: "\(path)/certificate", key: "\(path)/key") }

    init(_ certificate: PEMText?, _ key: PEMText?) throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/portolan-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
        try write(certificate, key)
    }

    deinit {
        for name in ["certificate", "key", "data"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// Replaces both files, each in one step; removes what is not given.
    func write(_ certificate: PEMText?, _ key: PEMText?) throws {
        for (file, text) in [(files.certificate, certificate), (files.key, key)] {
            guard let text else {
                unlink(file)
                continue
            }
            let stream = try #require(fopen("\(file).new", "w"))
            fputs(text.text, stream)
            fclose(stream)
            #expect(rename("\(file).new", file) == 0)
        }
    }
}
