import FuzzSupport
import KubernetesObjects
import Yams

@testable import ManifestsSystem

/// Any octets as a manifest, in YAML and in JSON.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    for path in ["a.yaml", "a.json"] { check(ManifestFile(path: path, bytes: bytes), path, bytes) }
    if let root = try? Yams.Parser(yaml: String(decoding: bytes, as: UTF8.self), resolver: .basic, encoding: .utf8)
        .nextRoot(), let document = try? YAMLDocument(root, size: bytes.count)
    {
        do throws(ObjectDecodingError) {
            _ = try JSONValue(parsing: document.json)
        } catch {
            require(error.reason == .tooDeep, "a YAML document becomes JSON: \(error)")
        }
    }
    return 0
}

private func check(_ file: ManifestFile, _ path: String, _ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.unicodeScalars.count { ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0) } + 1
    let positions = file.objects.map(\.position) + file.problems.compactMap(\.position)
    for position in positions {
        require((1...(lines + 1)).contains(position.line), "a place is in the file: \(position)")
        require(position.column >= 1, "columns count from 1")
    }
    for problem in file.problems {
        require(!problem.message.isEmpty, "a problem is explained")
        require(problem.message.utf8.count <= 2048, "a problem is short: \(problem.message.utf8.count)")
        require(problem.file == path, "a problem names its file")
    }
    for (object, _) in file.objects {
        require(
            !object.metadata.name.isEmpty && !object.metadata.namespace.isEmpty,
            "an object has a name and a namespace"
        )
        require(object.metadata.name.isDNSLabel || file.hasErrors || !object.isService, "and a name that DNS can take")
    }
}

extension ManifestContents.Object {
    fileprivate var isService: Bool { if case .service = self { true } else { false } }
}
