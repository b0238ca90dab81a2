import ArgumentParser
import Foundation
import HTTPTransport
import Portolan

/// Which running instance a command asks.
struct AdminOption: ParsableArguments {
    private static let defaultPort = 8053

    @Option(name: .long, help: ArgumentHelp("Where the running instance listens.", valueName: "host:port"))
    var admin = "127.0.0.1:\(defaultPort)"

    var client: AdminClient { AdminClient(address: Self.address(admin) ?? admin) }

    func validate() throws {
        guard Self.address(admin) != nil else {
            throw ValidationError("--admin must be HOST or HOST:PORT, as admin.listen says, not \"\(admin)\"")
        }
    }

    /// `HOST:PORT`, of what a person may write.
    private static func address(_ text: String) -> String? {
        let form = #/(?:http:\/\/)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?\/?/#
        guard let match = text.wholeMatch(of: form) else { return nil }
        let port = match.2.map { Int($0) ?? 0 } ?? defaultPort
        return (1...65_535).contains(port) ? "\(match.1):\(port)" : nil
    }
}

/// Reads the admin listener of a running instance.
struct AdminClient {
    let address: String

    /// - Parameter components: of the path, as they are; what needs it is percent-encoded.
    func get(_ components: String...) async throws(CommandFailure) -> [UInt8] {
        let path = components.map { "/\($0.percentEncoded)" }.joined()
        let client = HTTPClient(HTTPClientConfiguration(connectTimeout: .seconds(3)))
        let response: HTTPResponse
        do {
            response = try await client.send(HTTPRequest(.get, "http://\(address)\(path)", totalTimeout: .seconds(60)))
        } catch {
            throw CommandFailure(
                .unavailable,
                message: "no instance answers at \(address) (\(error.detail)); name it with --admin HOST:PORT"
            )
        }
        guard response.status == 200 else {
            throw CommandFailure(
                .unavailable,
                message: "\(address) answers \(response.status) to \(path): is it Portolan's admin.listen?"
            )
        }
        return response.body
    }

    func decode<View: Decodable>(_ type: View.Type, from body: [UInt8]) throws(CommandFailure) -> View {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw CommandFailure(
                .failure,
                message: "what answers at \(address) is not Portolan, or of another version than "
                    + "\(BuildInformation.version)"
            )
        }
    }
}

extension String {
    /// All but the letters, digits and marks that stand for themselves anywhere in a URL (RFC 3986, section 2.3).
    fileprivate var percentEncoded: String {
        utf8.map { byte in
            let scalar = Unicode.Scalar(byte)
            let isPlain = byte < 0x80 && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            if isPlain || ["-", ".", "_", "~"].contains(scalar) { return String(scalar) }
            return (byte < 0x10 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
