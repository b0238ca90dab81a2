import Glibc
import Portolan

/// Writes to standard output. What cannot be written is a failure: a script would take half an answer for a whole one.
func write(_ text: String) throws(CommandFailure) {
    let code = put(text, to: STDOUT_FILENO)
    guard code != 0 else { return }
    // Whoever closes a pipe early, as `head` does, has read enough and needs no words.
    let message = code == EPIPE ? "" : "the output cannot be written: \(String(cString: strerror(code)))"
    throw CommandFailure(.failure, message: message)
}

/// Tells the person at the terminal what went wrong.
func complain(_ message: String) {
    _ = put("portolan: \(message)\n", to: STDERR_FILENO)
}

/// - Returns: 0, or the error that ended the writing.
private func put(_ text: String, to descriptor: Int32) -> Int32 {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return errno }
        rest = rest.dropFirst(count)
    }
    return 0
}
