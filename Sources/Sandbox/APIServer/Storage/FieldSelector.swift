/// A field selector: `metadata.name=a,spec.type!=b`, over the fields the resource allows.
struct FieldSelector: Sendable, Equatable {
    struct Requirement: Sendable, Equatable {
        let path: [String]
        let value: String
        let isNegative: Bool
    }

    let requirements: [Requirement]

    var isEmpty: Bool { requirements.isEmpty }

    /// The name the selector pins, if it does.
    var name: String? { requirements.first { $0.path == ["metadata", "name"] && !$0.isNegative }?.value }

    func matches(_ object: JSON) -> Bool {
        requirements.allSatisfy { requirement in
            let isEqual = (object[requirement.path]?.string ?? "") == requirement.value
            return isEqual != requirement.isNegative
        }
    }

    init(_ text: String, for resource: Resource) throws(APIStatus) {
        var requirements: [Requirement] = []
        for part in text.split(separator: ",") {
            guard let range = part.firstRange(of: "!=") ?? part.firstRange(of: "==") ?? part.firstRange(of: "=") else {
                throw .badRequest("invalid selector: '\(part)'; can't understand '\(part)'")
            }
            let label = String(part[..<range.lowerBound])
            let path: [String]
            switch label {
            case "metadata.name": path = ["metadata", "name"]
            case "metadata.namespace" where resource.isNamespaced: path = ["metadata", "namespace"]
            default:
                guard let known = resource.strategy.selectableFields[label] else {
                    throw .badRequest("field label not supported: \(label)")
                }
                path = known
            }
            requirements.append(
                Requirement(
                    path: path,
                    value: String(part[range.upperBound...]),
                    isNegative: part[range] == "!="
                )
            )
        }
        self.requirements = requirements
    }
}
