import DNSCore
import Foundation
import Testing

/// A query and what must come back, read from `Fixtures/packets`; the first lines of `names.txt` describe the format.
struct PacketCase: Sendable, CustomTestStringConvertible {
    struct Expectation: Sendable {
        /// `nil` when no answer must come.
        var code: ResponseCode?
        var flags: Set<String> = []
        /// `section` and a record in presentation form.
        var records: [String] = []
    }

    /// The file and line it stands in.
    var place: String
    var request: [UInt8]
    var transport = Transport.datagram
    var client = ZoneFixture.client
    var expectation = Expectation()

    var testDescription: String { place }

    static let all: [PacketCase] = ["access", "cookies", "edns", "names", "rejects", "services"].flatMap { file in
        PacketTable(file: file).cases
    }
}

private struct PacketTable {
    var cases: [PacketCase] = []

    init(file: String) {
        let text = Fixtures.text("packets/\(file).txt")
        var octets: PacketCase?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split(separator: " ").map(String.init)
            guard let first = words.first else { continue }
            let place = "\(file).txt:\(index + 1)"
            switch first {
            case "?":
                cases.append(PacketCase(place: place, question: words.dropFirst().map { $0 }))
            case "!":
                var current = octets ?? PacketCase(place: place, request: [])
                current.request += Fixtures.octets(words.dropFirst().joined())
                octets = current
            case "=":
                if let complete = octets { cases.append(complete) }
                octets = nil
                guard words[1] != "drop" else { continue }
                guard let code = ResponseCode.named[words[1]] else { fatalError("\(place): unknown code \(words[1])") }
                cases[cases.count - 1].expectation.code = code
                cases[cases.count - 1].expectation.flags = Set(words.dropFirst(2))
            case "answer", "authority", "additional":
                cases[cases.count - 1].expectation.records.append(words.joined(separator: " "))
            default:
                fatalError("\(place): a line begins with ?, !, =, #, answer, authority or additional")
            }
        }
    }
}

extension PacketCase {
    fileprivate init(place: String, question words: [String]) {
        var message = Message(id: 1, flags: .recursionDesired)
        guard let name = DomainName(words[0]), let type = RecordType(text: words[1]) else {
            fatalError("\(place): no question")
        }
        var question = Message.Question(name: name, type: type)
        var transport = Transport.datagram
        var client = ZoneFixture.client
        for option in words.dropFirst(2) {
            let (key, value) = option.split("=")
            switch key {
            case "tcp": transport = .stream
            case "from": client = ClientAddress(text: value)
            case "norecurse": message.flags.remove(.recursionDesired)
            case "class": question.recordClass = RecordClass(rawValue: UInt16(value)!)
            case "edns": message.edns = Message.Extension(udpPayloadSize: UInt16(value)!)
            case "do": message.edns?.dnssecOK = true
            case "version": message.edns?.version = UInt8(value)!
            case "option":
                let (code, data) = value.split(":")
                message.edns?.options.append(.init(code: UInt16(code)!, data: Fixtures.octets(data)))
            default: fatalError("\(place): unknown option \(option)")
            }
        }
        message.questions = [question]
        var request = message.encoded()
        // The name as it is written: values hold lower case only.
        var offset = 12
        for label in words[0].split(separator: ".") {
            request.replaceSubrange((offset + 1)..<(offset + 1 + label.utf8.count), with: label.utf8)
            offset += 1 + label.utf8.count
        }
        self.init(place: place, request: request, transport: transport, client: client)
    }
}

extension String {
    /// The parts before and after the first `separator`.
    func split(_ separator: Character) -> (String, String) {
        guard let index = firstIndex(of: separator) else { return (self, "") }
        return (String(self[..<index]), String(self[self.index(after: index)...]))
    }
}

enum Fixtures {
    static func text(_ path: String) -> String {
        let url = Bundle.module.bundleURL.appending(path: "Fixtures/\(path)")
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { fatalError("no fixture \(path)") }
        return text
    }

    static func octets(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        precondition(digits.count == hex.count && digits.count % 2 == 0, "not octets: \(hex)")
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
