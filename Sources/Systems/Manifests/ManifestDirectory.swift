package import KubernetesObjects
package import ServiceCatalog

/// The state of a directory of manifests: its files' last good contents, and the services they make.
///
/// - *unread*: until every file could be read once. What the unreadable file says is not known, so nothing may be
///   concluded from what is missing. Left for *current*, with a snapshot.
/// - *current*: tells changes. Left for *lost* when the directory is gone.
/// - *lost*: keeps everything. Left for *current* when the directory is back.
package struct ManifestDirectory: Sendable {
    /// What a reading of the directory led to.
    package struct Outcome: Sendable {
        /// What to tell the catalog.
        package fileprivate(set) var event: SourceEvent?
        /// Problems that were not there before.
        package fileprivate(set) var newProblems: [ManifestProblem] = []
        /// Files that had errors and have none any more.
        package fileprivate(set) var mendedFiles: [String] = []
    }

    private enum State: Sendable {
        case unread
        case current
        case lost
    }

    private struct File: Sendable {
        var bytes: [UInt8]?
        /// `nil` while it could never be read.
        var lastGood: ManifestFile?
        var problems: [ManifestProblem] = []

        var hasErrors: Bool { problems.contains { $0.severity == .error } }
    }

    private var state = State.unread
    private var files: [String: File] = [:]
    private var assembler: ServiceAssembler
    /// What is wrong now, ordered by file and place.
    package private(set) var problems: [ManifestProblem] = []

    package init(origin: Origin, namespaces: NamespaceFilter = .default) {
        assembler = ServiceAssembler(origin: origin, source: .slicesElseEndpoints, namespaces: namespaces)
    }

    package var fileCount: Int { files.count }

    package var isSynced: Bool { state != .unread }

    package func explanation(of key: ServiceKey) -> ServiceExplanation { assembler.explanation(of: key) }

    package mutating func apply(_ reading: DirectoryReading) -> Outcome {
        let before = Set(problems)
        let broken = Set(files.filter { $0.value.hasErrors }.keys)
        var outcome = Outcome()
        switch reading {
        case .unreadable(let reason):
            problems = [ManifestProblem(file: "", reason)]
            if state == .current {
                state = .lost
                outcome.event = .lost(reason: reason)
            }
        case .files(let contents):
            let closed = contents.keys.filter { $0.hasSuffix("/") }
            for path in files.keys where contents[path] == nil && !closed.contains(where: { path.hasPrefix($0) }) {
                files[path] = nil
            }
            for (path, content) in contents { read(path, content) }
            outcome.event = assemble()
            outcome.mendedFiles = broken.filter { files[$0]?.hasErrors == false }.sorted()
        }
        outcome.newProblems = problems.filter { !before.contains($0) }
        return outcome
    }

    private mutating func read(_ path: String, _ content: DirectoryReading.Content) {
        var file = files[path] ?? File()
        defer { files[path] = file }
        switch content {
        case .unreadable(let reason):
            file.bytes = nil
            file.problems = [ManifestProblem(file: path, reason)]
        case .bytes(let bytes):
            guard bytes != file.bytes else { return }
            file.bytes = bytes
            if bytes.isEmpty, file.lastGood?.objects.isEmpty == false {
                // Most likely it is being written this moment.
                file.problems = [ManifestProblem(file: path, "the file is empty; delete it if its services should go")]
                return
            }
            let read = ManifestFile(path: path, bytes: bytes)
            file.problems = read.problems
            if !read.hasErrors { file.lastGood = read }
        }
    }

    private mutating func assemble() -> SourceEvent? {
        var services: [ServiceObject] = []
        var slices: [EndpointSliceObject] = []
        var endpoints: [EndpointsObject] = []
        var definitions: [ObjectIdentity: String] = [:]
        problems = []
        for (path, file) in files.sorted(by: { $0.key < $1.key }) {
            problems += file.problems
            for (object, position) in file.lastGood?.objects ?? [] {
                let identity = ObjectIdentity(object)
                if let first = definitions[identity] {
                    let message = "\(identity) is already defined at \(first), which counts"
                    problems.append(ManifestProblem(file: path, at: position, message))
                    continue
                }
                definitions[identity] = "\(path):\(position)"
                switch object {
                case .service(let object): services.append(object)
                case .endpointSlice(let object): slices.append(object)
                case .endpoints(let object): endpoints.append(object)
                }
            }
        }
        if state == .unread, files.values.contains(where: { $0.lastGood == nil }) { return nil }
        let events = [
            assembler.replaceAll(services: services), assembler.replaceAll(slices: slices),
            assembler.replaceAll(endpoints: endpoints),
        ]
        let wasLost = state == .lost
        state = .current
        return SourceEvent.joining(events.compactMap { $0 }) ?? (wasLost ? .current : nil)
    }
}

private struct ObjectIdentity: Hashable, CustomStringConvertible {
    let kind: String
    let key: ServiceKey

    init(_ object: ManifestContents.Object) {
        kind = object.resource.kind
        key = ServiceKey(namespace: object.metadata.namespace, name: object.metadata.name)
    }

    var description: String { "\(kind) \(key)" }
}

extension SourceEvent {
    /// One event for what one reading changed, so that nobody sees half of it. A snapshot already holds what came
    /// before it.
    fileprivate static func joining(_ events: [SourceEvent]) -> SourceEvent? {
        var order: [ServiceKey] = []
        var last: [ServiceKey: ServiceChange] = [:]
        for event in events {
            guard case .changes(let changes) = event else { return event }
            for change in changes {
                if last.updateValue(change, forKey: change.key) == nil { order.append(change.key) }
            }
        }
        return order.isEmpty ? nil : .changes(order.compactMap { last[$0] })
    }
}
