import Foundation
import HTTPTransport

/// Consul, as one of its clients sees it.
struct DemoConsul: Sendable {
    struct Instance: Sendable, Equatable {
        let address: String
        let port: Int
        let status: String
    }

    /// An element of `/v1/health/service/<name>`.
    private struct Entry: Decodable {
        struct Service: Decodable {
            let address: String
            let port: Int

            enum CodingKeys: String, CodingKey {
                case address = "Address"
                case port = "Port"
            }
        }

        struct Check: Decodable {
            let status: String

            enum CodingKeys: String, CodingKey {
                case status = "Status"
            }
        }

        let service: Service
        let checks: [Check]

        enum CodingKeys: String, CodingKey {
            case service = "Service"
            case checks = "Checks"
        }
    }

    let address: String
    private let token: String?
    private let http = HTTPClient(HTTPClientConfiguration())

    init(address: String, token: String?) {
        self.address = address
        self.token = token
    }

    /// Fails when Consul is not there, so that this is said before anything is begun.
    func expectAnswer() async throws {
        do {
            let response = try await http.send(HTTPRequest(.get, "\(address)/v1/status/leader"))
            guard response.status == 200 else {
                throw DemoFailure("\(address) answers \(response.status) to a question for Consul's leader")
            }
        } catch let error as HTTPError {
            throw DemoFailure("no Consul answers at \(address) (\(error.detail)); CONSUL_HTTP_ADDR names it")
        }
    }

    /// The instances of a service, and the index to wait behind for the next change.
    func instances(_ service: String, after index: String? = nil) async throws -> (all: [Instance], index: String) {
        var url = "\(address)/v1/health/service/\(service)"
        if let index { url += "?index=\(index)&wait=5s" }
        var request = HTTPRequest(.get, url)
        if let token { request.headers["X-Consul-Token"] = token }
        let response = try await http.send(request)
        guard response.status == 200 else {
            throw DemoFailure("Consul answers \(response.status): \(String(decoding: response.body, as: UTF8.self))")
        }
        let entries = try JSONDecoder().decode([Entry].self, from: Data(response.body))
        let instances = entries.map { entry in
            let isPassing = entry.checks.allSatisfy { $0.status == "passing" }
            return Instance(
                address: entry.service.address,
                port: entry.service.port,
                status: isPassing ? "passing" : entry.checks.map(\.status).joined(separator: ",")
            )
        }
        return (instances.sorted { $0.address < $1.address }, response.headers["X-Consul-Index"] ?? "0")
    }

    /// Returns when the service has exactly these addresses.
    func wait(_ service: String, for addresses: [String], atMost limit: Duration) async throws {
        let deadline = ContinuousClock.now + limit
        var (all, index) = try await instances(service)
        while all.map(\.address) != addresses.sorted() {
            guard ContinuousClock.now < deadline else {
                throw DemoFailure(
                    "Consul has \(service) at \(all.map(\.address)) and not at \(addresses) after \(limit)"
                )
            }
            (all, index) = try await instances(service, after: index)
        }
    }

    /// Takes the demo's node away, and with it all that is on it.
    func removeNode(_ node: String) async {
        var request = HTTPRequest(
            .put,
            "\(address)/v1/catalog/deregister",
            body: Array("{\"Node\": \"\(node)\"}".utf8)
        )
        if let token { request.headers["X-Consul-Token"] = token }
        _ = try? await http.send(request)
    }
}
