import DNSCore
import DNSTransfer
import FuzzSupport

/// Any octets as a signed request or response: nothing is accepted that was not signed, and what is signed here is accepted
/// here as it was before.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    if case .genuine = keys.authenticate(bytes, now: now) { require(false, "nobody can guess a MAC") }
    if case .genuine = keys.authenticateResponse(bytes, to: [1, 2, 3], now: now) {
        require(false, "nobody can guess the MAC of a response")
    }
    guard let message = try? Message(decoding: bytes), !message.additionals.contains(where: { $0.type == .tsig }),
        !message.answers.contains(where: { $0.type == .tsig }),
        !message.authorities.contains(where: { $0.type == .tsig })
    else { return 0 }
    var signed = bytes
    guard message.additionals.count + (message.edns == nil ? 0 : 1) < 65_535 else { return 0 }
    var signer = TSIGSigner(key: key)
    signer.sign(&signed, now: now)
    guard case .genuine(let read, let stripped, _) = keys.authenticate(signed, now: now) else {
        require(false, "what is signed is genuine")
        return 0
    }
    require(stripped == bytes, "and what it was before")
    require(read == message, "as a message too")
    return 0
}

private let now: UInt64 = 1_700_000_000
private let key = TSIGKey(
    name: DomainName("k.test") ?? .root,
    algorithm: .hmacSHA256,
    secret: (0..<32).map { _ in .random(in: .min ... .max) }
)
private let keys = TSIGKeyring([key])
