import Foundation
import HTTPTransport

/// Consul, as one of its other clients uses it.
struct Registry: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Instance: Decodable, Sendable, Equatable {
        let node: String
        let id: String
        let address: String
        let port: Int
        let metadata: [String: String]
        /// Rises with every write that changes the instance.
        let revision: UInt64

        enum CodingKeys: String, CodingKey {
            case node = "Node"
            case id = "ServiceID"
            case address = "ServiceAddress"
            case port = "ServicePort"
            case metadata = "ServiceMeta"
            case revision = "ModifyIndex"
        }
    }

    private struct Revised: Decodable {
        let revision: UInt64

        enum CodingKeys: String, CodingKey {
            case revision = "ModifyIndex"
        }
    }

    private struct NodeServices: Decodable {
        let services: [String: Revised]

        enum CodingKeys: String, CodingKey {
            case services = "Services"
        }
    }

    let address: String
    private let http = HTTPClient(HTTPClientConfiguration())

    init(address: String) { self.address = address }

    /// In order of their addresses.
    func instances(_ service: String) async throws -> [Instance] {
        let body = try await send(.get, "catalog/service/\(service)?consistent")
        return try JSONDecoder().decode([Instance].self, from: Data(body)).sorted { $0.address < $1.address }
    }

    func addresses(_ service: String) async throws -> [String] { try await instances(service).map(\.address) }

    /// Every instance on a node with the revision it has: the same again as long as nothing was written there.
    func revisions(on node: String) async throws -> [String: UInt64] {
        let body = try await send(.get, "catalog/node/\(node)?consistent")
        // A node that does not exist is `null`.
        let services = try JSONDecoder().decode(NodeServices?.self, from: Data(body))
        return services?.services.mapValues(\.revision) ?? [:]
    }

    func register(_ service: String, id: String, at address: String, on node: String) async throws {
        let registration = """
            {"Node": "\(node)", "Address": "\(address)",
             "Service": {"ID": "\(id)", "Service": "\(service)", "Address": "\(address)", "Port": 9000}}
            """
        _ = try await send(.put, "catalog/register", registration)
    }

    func deregister(_ instance: Instance) async throws {
        let registration = "{\"Node\": \"\(instance.node)\", \"ServiceID\": \"\(instance.id)\"}"
        _ = try await send(.put, "catalog/deregister", registration)
    }

    func removeNode(_ node: String) async throws {
        _ = try await send(.put, "catalog/deregister", "{\"Node\": \"\(node)\"}")
    }

    private func send(_ method: HTTPMethod, _ path: String, _ body: String? = nil) async throws -> [UInt8] {
        let request = HTTPRequest(method, "\(address)/v1/\(path)", body: body.map { Array($0.utf8) })
        let response = try await http.send(request)
        guard response.status == 200 else {
            throw Failure(description: "Consul \(response.status): \(String(decoding: response.body, as: UTF8.self))")
        }
        return response.body
    }
}
