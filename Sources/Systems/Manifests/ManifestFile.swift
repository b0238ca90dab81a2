internal import KubernetesObjects
internal import ServiceCatalog
internal import Yams

/// What one file holds. A pure function of its bytes.
struct ManifestFile: Sendable {
    private(set) var objects: [(object: ManifestContents.Object, position: SourcePosition)] = []
    private(set) var problems: [ManifestProblem] = []
    /// Kinds that are none of Portolan's business.
    private(set) var ignoredKinds: Set<String> = []

    var hasErrors: Bool { problems.contains { $0.severity == .error } }

    init(path: String, bytes: [UInt8]) {
        // Some editors begin a file with a byte order mark.
        let body = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Array(bytes.dropFirst(3)) : bytes
        if let offset = body.firstOffsetOutsideUTF8 {
            problems.append(
                ManifestProblem(file: path, at: SourcePosition(of: offset, in: body), "the file is not UTF-8 text")
            )
        } else if path.hasSuffix(".json") {
            add(ManifestContents(json: body), path) { SourcePosition(of: $0, in: body) }
        } else {
            readYAML(String(decoding: body, as: UTF8.self), path)
        }
    }

    private mutating func readYAML(_ text: String, _ path: String) {
        do {
            // Scalars are resolved here, by the rules that kubectl follows, so the parser needs none.
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            while let root = try parser.nextRoot() {
                let document = try YAMLDocument(root, size: text.utf8.count)
                add(ManifestContents(json: document.json), path) { document.position(of: $0) }
            }
        } catch let error as YAMLDocument.Failure {
            problems.append(ManifestProblem(file: path, at: error.position, error.message))
        } catch let error as YamlError {
            let (position, message) = error.place(in: text)
            problems.append(ManifestProblem(file: path, at: position, message))
        } catch {
            problems.append(ManifestProblem(file: path, "\(error)"))
        }
    }

    private mutating func add(_ contents: ManifestContents, _ path: String, _ place: (Int) -> SourcePosition) {
        objects += contents.objects.map { ($0.object, place($0.offset)) }
        problems += contents.errors.map {
            ManifestProblem(.error, file: path, at: place($0.offset), $0.problem.message)
        }
        problems += contents.warnings.map {
            ManifestProblem(.warning, file: path, at: place($0.offset), $0.problem.message)
        }
        ignoredKinds.formUnion(contents.ignoredKinds.map(\.kind))
    }
}

extension YamlError {
    fileprivate func place(in text: String) -> (SourcePosition?, String) {
        switch self {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let prefix = context.map { "\($0.text), " } ?? ""
            return (SourcePosition(mark), prefix + problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            return (SourcePosition(context.mark), "the key \"\(duplicates.first ?? "")\" is given twice")
        case .reader(let problem, let offset, _, _):
            let bytes = offset.map { text.prefix($0).utf8.count }
            return (bytes.map { SourcePosition(of: $0, in: text.utf8) }, problem)
        default:
            return (nil, "the file cannot be parsed as YAML")
        }
    }
}

extension SourcePosition {
    init(_ mark: Mark) { self.init(line: mark.line, column: mark.column) }
}

extension [UInt8] {
    fileprivate var firstOffsetOutsideUTF8: Int? {
        var decoder = UTF8.ForwardParser()
        var iterator = makeIterator()
        var offset = 0
        while true {
            switch decoder.parseScalar(from: &iterator) {
            case .valid(let scalar): offset += scalar.count
            case .emptyInput: return nil
            case .error: return offset
            }
        }
    }
}
