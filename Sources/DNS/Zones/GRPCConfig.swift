import DNSCore
import ServiceCatalog

/// The text of a `_grpc_config` TXT record (gRPC proposal A2): `grpc_config=` and a JSON list of choices.
enum GRPCConfig {
    /// Fits, with every name around it, into one DNS message over TCP.
    private static let maximumLength = 60_000

    /// The character-strings of the one record that says `annotation`, which is a service config or a list of choices.
    static func strings(from annotation: String) throws(Refusal) -> [[UInt8]] {
        let text = Array(annotation.utf8)
        let record: [UInt8]
        switch JSONSyntax.kind(of: text) {
        case .object: record = Array("grpc_config=[{\"serviceConfig\":".utf8) + text + Array("}]".utf8)
        case .array: record = Array("grpc_config=".utf8) + text
        case .other: throw refusal("is neither a JSON object nor a JSON list")
        case nil: throw refusal("is not JSON")
        }
        guard record.count <= maximumLength else { throw refusal("is longer than \(maximumLength) octets") }
        return stride(from: 0, to: record.count, by: 255).map { Array(record[$0..<min($0 + 255, record.count)]) }
    }

    private static func refusal(_ reason: String) -> Refusal {
        Refusal(
            .annotationInvalid,
            "annotation \(ServiceSettings.annotationPrefix)grpc-config \(reason), so no _grpc_config record is made of "
                + "it: give a gRPC service config such as {\"loadBalancingConfig\":[{\"round_robin\":{}}]}"
        )
    }
}

extension ServiceLayout {
    mutating func addGRPCConfig(of settings: ServiceSettings, problems: inout [Problem]) {
        guard let annotation = settings.grpcConfig else { return }
        guard name.prefixed(by: Self.grpcConfigLabel) != nil else {
            problems.append(
                Problem(.nameInvalid, "\(Self.grpcConfigLabel).\(name) would be over 255 octets and is left out")
            )
            return
        }
        do {
            grpcConfig = try GRPCConfig.strings(from: annotation)
        } catch {
            problems.append(error.problem)
        }
    }
}
