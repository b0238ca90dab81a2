internal import DNSTransfer
internal import Foundation
internal import PortolanConfiguration

extension TSIGKeyring {
    /// Reads the secrets of all keys.
    init(_ configurations: [TSIGKeyConfiguration]) throws(CommandFailure) {
        var keys: [TSIGKey] = []
        for configuration in configurations { keys.append(try TSIGKey(configuration)) }
        self.init(keys)
    }
}

extension TSIGKey {
    fileprivate init(_ configuration: TSIGKeyConfiguration) throws(CommandFailure) {
        let place = configuration.secret.place
        let key = "dns.keys: the secret of key \(configuration.name)"
        guard let text = configuration.secret.value else {
            throw CommandFailure(.configuration, message: "\(key) is missing: \(place) is empty or cannot be read")
        }
        guard let secret = Data(base64Encoded: text), !secret.isEmpty else {
            throw CommandFailure(
                .configuration,
                message: "\(key) in \(place) is not base64; make one with: openssl rand -base64 32"
            )
        }
        self.init(name: configuration.name, algorithm: configuration.algorithm, secret: Array(secret))
    }
}
