/// The form an answer takes, chosen from the Accept header.
struct Negotiation: Sendable, Equatable {
    enum Format: Sendable, Equatable {
        case json(isIndented: Bool)
        case yaml
        case protobuf
    }

    /// What an object is turned into.
    enum Transform: Sendable, Equatable {
        case none
        case table
        case partialMetadata
    }

    let format: Format
    var transform = Transform.none

    static let json = Negotiation(format: .json(isIndented: false))

    private static let available =
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
        + "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
        + "application/vnd.kubernetes.protobuf;stream=watch"

    static var notAcceptable: APIStatus {
        APIStatus(406, "NotAcceptable", available, details: APIStatus.Details())
    }

    static let notAcceptableForWatch = APIStatus(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json;stream=watch, "
            + "application/vnd.kubernetes.protobuf;stream=watch"
    )

    /// One clause of an Accept header.
    struct Clause {
        let type: String
        let parameters: [String: String]

        static func parse(_ header: String?) -> [Clause] {
            (header ?? "").split(separator: ",").map { clause in
                let parts = clause.split(separator: ";").map { $0.filter { $0 != " " } }
                var parameters: [String: String] = [:]
                for part in parts.dropFirst() {
                    let pair = part.split(separator: "=", maxSplits: 1)
                    if pair.count == 2 { parameters[String(pair[0])] = String(pair[1]) }
                }
                return Clause(type: (parts.first ?? "").lowercased(), parameters: parameters)
            }
        }
    }

    /// `nil` when the client takes nothing the server has.
    init?(_ request: ServerRequest) {
        let isIndented = Self.wantsIndentation(request)
        let clauses = Clause.parse(request.headers["Accept"])
        guard !clauses.isEmpty else {
            self.init(format: .json(isIndented: isIndented))
            return
        }
        for clause in clauses {
            let format: Format
            switch clause.type {
            case "*/*", "application/*", "application/json": format = .json(isIndented: isIndented)
            case "application/yaml": format = .yaml
            case "application/vnd.kubernetes.protobuf": format = .protobuf
            default: continue
            }
            switch clause.parameters["as"] {
            case nil:
                self.init(format: format)
                return
            case "Table" where Self.isMeta(clause) && format != .protobuf:
                self.init(format: format, transform: .table)
                return
            case "PartialObjectMetadata" where Self.isMeta(clause),
                "PartialObjectMetadataList" where Self.isMeta(clause):
                self.init(format: format, transform: .partialMetadata)
                return
            default: continue
            }
        }
        return nil
    }

    init(format: Format, transform: Transform = .none) {
        self.format = format
        self.transform = transform
    }

    private static func isMeta(_ clause: Clause) -> Bool {
        clause.parameters["g"] == "meta.k8s.io" && clause.parameters["v"] == "v1"
    }

    /// People get indentation: curl, wget, and who asks.
    static func wantsIndentation(_ request: ServerRequest) -> Bool {
        if let pretty = request.parameter("pretty") { return ["1", "true", ""].contains(pretty) }
        let agent = request.headers["User-Agent"] ?? ""
        return agent.hasPrefix("curl") || agent.hasPrefix("Wget")
    }

    var contentType: String {
        switch format {
        case .json: "application/json"
        case .yaml: "application/yaml"
        case .protobuf: "application/vnd.kubernetes.protobuf"
        }
    }
}
