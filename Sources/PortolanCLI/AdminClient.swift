import Foundation
import HTTPTransport
import Portolan

/// Reads the admin listener of a running instance.
struct AdminClient {
    let address: String

    func get(_ path: String) async throws(CommandFailure) -> [UInt8] {
        let client = HTTPClient(HTTPClientConfiguration(connectTimeout: .seconds(3)))
        let response: HTTPResponse
        do {
            response = try await client.send(HTTPRequest(.get, "http://\(address)\(path)"))
        } catch {
            throw CommandFailure(
                .unavailable,
                message: "no instance answers at \(address) (\(error.detail)); name it with --admin ADDRESS"
            )
        }
        guard response.status == 200 else {
            throw CommandFailure(.unavailable, message: "\(address) answered \(response.status) for \(path)")
        }
        return response.body
    }

    func decode<View: Decodable>(_ type: View.Type, from body: [UInt8]) throws(CommandFailure) -> View {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw CommandFailure(.failure, message: "\(address) is not a Portolan of this version: \(error)")
        }
    }
}

/// Tells the person at the terminal what went wrong.
func complain(_ message: String) {
    FileHandle.standardError.write(Data("portolan: \(message)\n".utf8))
}
