import FuzzSupport
import KubernetesObjects

/// Any octets as the body of an answer that is no success.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let body = [UInt8](input: start, count)
    for httpStatus in [200, 401, 403, 410, 418, 429, 500, 503] {
        let status = KubernetesStatus(httpStatus: httpStatus, body: body)
        require(status.code != 0, "there is always a code")
        // U+FFFD takes three octets, and may stand for one.
        require(status.message.utf8.count <= 3 * body.count, "a message is no longer than the body")
        require((status.retryAfterSeconds ?? 1) > 0, "a delay is one")
    }
    return 0
}
