import DNSCore
import DNSTransfer
import Foundation
import Testing

/// What dnspython has signed.
private struct Vector {
    let algorithm: TSIGAlgorithm
    let key: TSIGKey
    var request: [UInt8]
    var responses: [[UInt8]] = []

    static let time: UInt64 = 1_700_000_000
    static let name = DomainName("transfer.example")!

    static func all() throws -> [Vector] {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/tsig", withExtension: "txt"))
        var vectors: [Vector] = []
        for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            let algorithm = try #require(TSIGAlgorithm(rawValue: String(words[1])))
            let secret = try bytes(words[2])
            if words[0] == "request" {
                vectors.append(
                    Vector(
                        algorithm: algorithm,
                        key: TSIGKey(name: name, algorithm: algorithm, secret: secret),
                        request: try bytes(words[3])
                    )
                )
            } else {
                vectors[vectors.count - 1].responses.append(try bytes(words[3]))
            }
        }
        return vectors
    }

    private static func bytes(_ hex: Substring) throws -> [UInt8] {
        let digits = Array(hex)
        return try stride(from: 0, to: digits.count, by: 2).map {
            try #require(UInt8(String(digits[$0...($0 + 1)]), radix: 16))
        }
    }
}

@Suite struct TSIGTests {
    private func rejects(_ bytes: [UInt8], _ keys: TSIGKeyring, now: UInt64 = Vector.time) -> String? {
        switch keys.authenticate(bytes, now: now) {
        case .genuine: nil
        case .unsigned: "unsigned"
        case .malformed: "malformed"
        case .refused(let refusal): refusal.reason
        }
    }

    @Test("requests that dnspython has signed are genuine, and come without their TSIG")
    func requests() throws {
        let vectors = try Vector.all()
        #expect(vectors.map(\.algorithm) == TSIGAlgorithm.allCases)
        for vector in vectors {
            guard
                case .genuine(let message, let bytes, _) = TSIGKeyring([vector.key]).authenticate(
                    vector.request,
                    now: Vector.time + 300
                )
            else {
                Issue.record("\(vector.algorithm) is not accepted")
                continue
            }
            #expect(message.additionals.isEmpty)
            #expect(try Message(decoding: bytes) == message)
            #expect(vector.request.starts(with: bytes[..<10]))
        }
    }

    @Test("the messages of a response are signed, in their chain, as dnspython signs them")
    func responses() throws {
        for vector in try Vector.all() {
            let keys = TSIGKeyring([vector.key])
            guard case .genuine(_, _, var signer) = keys.authenticate(vector.request, now: Vector.time) else {
                Issue.record("\(vector.algorithm) is not accepted")
                continue
            }
            #expect(vector.responses.count == 3)
            for response in vector.responses {
                var own = Array(response.dropLast(signer.overhead))
                // dnspython points back to the question's name or writes the key in full; here the key is always in full.
                own[11] -= 1
                let count = own.count
                signer.sign(&own, now: Vector.time)
                #expect(own.count == count + signer.overhead)
                #expect(own == response)
            }
        }
    }

    @Test("a request signed here is genuine here, until something in it changes")
    func roundTrip() throws {
        for vector in try Vector.all() {
            let keys = TSIGKeyring([vector.key])
            var bytes = Message(id: 7, questions: [.init(name: DomainName("a.example")!, type: .soa)]).encoded()
            var signer = TSIGSigner(key: vector.key)
            signer.sign(&bytes, now: Vector.time)
            #expect(rejects(bytes, keys) == nil)
            for index in bytes.indices where index >= 2 {
                var changed = bytes
                changed[index] ^= 0x01
                // The case of a name in the TSIG record is no change (RFC 8945 section 4.3.3); this bit is none of case.
                #expect(rejects(changed, keys) != nil, "octet \(index)")
            }
            for length in 0..<bytes.count { #expect(rejects(Array(bytes[..<length]), keys) != nil) }
        }
    }

    @Test("keys, algorithms and clocks that do not agree are told apart")
    func refusals() throws {
        let vectors = try Vector.all()
        let keys = TSIGKeyring([vectors[0].key])
        let request = vectors[0].request
        #expect(rejects(request, TSIGKeyring()) == "badkey")
        #expect(rejects(vectors[1].request, keys) == "badkey")
        let other = TSIGKey(name: Vector.name, algorithm: .hmacSHA256, secret: [1, 2, 3])
        #expect(rejects(request, TSIGKeyring([other])) == "badsig")
        for now in [Vector.time - 301, Vector.time + 301] { #expect(rejects(request, keys, now: now) == "badtime") }
        #expect(rejects(Array(request.prefix(12)) + request, keys) == "malformed")
    }

    @Test("the answer to a wrong clock says what time it is, and is signed; that to an unknown key is not")
    func refusalAnswers() throws {
        let vector = try Vector.all()[0]
        let now = Vector.time + 1000
        guard case .refused(let late) = TSIGKeyring([vector.key]).authenticate(vector.request, now: now),
            case .refused(let unknown) = TSIGKeyring().authenticate(vector.request, now: now)
        else {
            Issue.record("both are to be refused")
            return
        }
        var answer = Message(id: 0x1234, flags: .response, code: .notAuth).encoded()
        late.sign(&answer)
        guard case .opaque(let data)? = try Message(decoding: answer).additionals.last?.data else {
            Issue.record("there is no TSIG")
            return
        }
        let clock: [UInt8] = (0..<6).map { UInt8(truncatingIfNeeded: now >> UInt64(40 - 8 * $0)) }
        #expect(Array(data.suffix(6)) == clock)
        #expect(data.dropLast(8).suffix(2) == [0, 18])
        #expect(data.count == 13 + 10 + 32 + 6 + 6)
        var plain = Message(id: 0x1234, flags: .response, code: .notAuth).encoded()
        unknown.sign(&plain)
        guard case .opaque(let bare)? = try Message(decoding: plain).additionals.last?.data else {
            Issue.record("there is no TSIG")
            return
        }
        #expect(bare.count == 13 + 10 + 6 && bare.dropLast(2).suffix(2) == [0, 17])
    }

    @Test("a key does not print its secret")
    func secrecy() {
        let key = TSIGKey(name: Vector.name, algorithm: .hmacSHA256, secret: [250, 251, 252])
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped] { #expect(!text.contains("251")) }
    }

    @Test("nothing arbitrary is accepted, and nothing traps")
    func arbitrary() throws {
        var random = SystemRandomNumberGenerator()
        for vector in try Vector.all() {
            let keys = TSIGKeyring([vector.key])
            for _ in 0..<3000 {
                var bytes = vector.request
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let index = Int.random(in: 2..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[index] = .random(in: .min ... .max, using: &random)
                    case 1: bytes.remove(at: index)
                    default: bytes.insert(.random(in: .min ... .max, using: &random), at: index)
                    }
                    if bytes.count < 14 { break }
                }
                if case .genuine(_, let stripped, _) = keys.authenticate(bytes, now: Vector.time) {
                    // Only what stands for the same message may pass: another spelling of the names of key or algorithm.
                    guard case .genuine(_, let original, _) = keys.authenticate(vector.request, now: Vector.time) else {
                        return
                    }
                    #expect(stripped == original)
                }
            }
        }
    }
}
