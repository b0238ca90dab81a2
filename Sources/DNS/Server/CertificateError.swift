import Glibc

/// Why a certificate and its key cannot be used.
package struct CertificateError: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// An `errno`.
        case unreadable(Int32)
        case tooLarge
        case noCertificate
        case noKey
        case passphrase
        /// Since when, in seconds since 1970.
        case expired(Int64)
        /// From when on it will be, in seconds since 1970.
        case notYetValid(Int64)
        /// The key is another's; the certificate's file.
        case mismatch(certificate: String)
    }

    package var file: String
    package var reason: Reason
}

extension CertificateError: CustomStringConvertible {
    package var description: String {
        switch reason {
        case .unreadable(let number):
            "\(file) cannot be read: \(String(cString: strerror(number))); "
                + "dns.tls.certificate and dns.tls.key name PEM files that this process may read"
        case .tooLarge:
            "\(file) is larger than 1 MiB; is it the right file?"
        case .noCertificate:
            "\(file) holds no certificate in PEM form; dns.tls.certificate names a file with the server's certificate, "
                + "followed by those between it and its authority"
        case .noKey:
            "\(file) holds no private key in PEM form; dns.tls.key names the file with the key of the certificate"
        case .passphrase:
            "the key in \(file) is protected by a passphrase; give one without (openssl pkey -in \(file) -out FILE)"
        case .expired(let end):
            "the certificate in \(file) expired on \(Self.day(end)), and clients that verify it will not ask; "
                + "put a new one in its place"
        case .notYetValid(let start):
            "the certificate in \(file) is valid from \(Self.day(start)) on only; "
                + "put one in its place that is valid now, or set this machine's clock"
        case .mismatch(let certificate):
            "the key in \(file) does not belong to the certificate in \(certificate); "
                + "give the key with which that certificate was requested"
        }
    }
    /// As 2026-01-31.
    package static func day(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
    }
}
