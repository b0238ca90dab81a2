import CCurl

/// A libcurl easy handle and its error buffer. Used on the libcurl thread only, and again for later transfers.
final class EasyHandle {
    let curl: UnsafeMutableRawPointer
    private let message: UnsafeMutablePointer<CChar>
    private var headers: UnsafeMutablePointer<curl_slist>?
    private var connectTo: UnsafeMutablePointer<curl_slist>?

    /// Nil if memory has run out.
    init?() {
        guard let curl = curl_easy_init() else { return nil }
        self.curl = curl
        message = .allocate(capacity: Int(CURL_ERROR_SIZE))
        message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(curl)
        curl_slist_free_all(headers)
        curl_slist_free_all(connectTo)
        message.deallocate()
    }

    /// Forgets the last transfer, but neither name lookups nor TLS sessions.
    func reset() {
        curl_easy_reset(curl)
        curl_slist_free_all(headers)
        curl_slist_free_all(connectTo)
        headers = nil
        connectTo = nil
        message.pointee = 0
    }

    // MARK: Options

    func set(_ option: CURLoption, _ value: Int) throws(OptionFailure) {
        try check(ccurl_set_long(curl, option, value))
    }

    func set(_ option: CURLoption, _ value: String?) throws(OptionFailure) {
        try check(ccurl_set_string(curl, option, value))
    }

    func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer) throws(OptionFailure) {
        try check(ccurl_set_pointer(curl, option, value))
    }

    func set(_ option: CURLoption, blob: [UInt8]) throws(OptionFailure) {
        try check(blob.withUnsafeBytes { ccurl_set_blob(curl, option, $0.baseAddress, $0.count) })
    }

    func set(body: [UInt8]) throws(OptionFailure) {
        try check(ccurl_set_size(curl, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
        if body.isEmpty {
            try set(CURLOPT_COPYPOSTFIELDS, "")
        } else {
            try check(
                body.withUnsafeBytes {
                    ccurl_set_string(curl, CURLOPT_COPYPOSTFIELDS, $0.assumingMemoryBound(to: CChar.self).baseAddress)
                }
            )
        }
    }

    func set(headerLines: [String]) throws(OptionFailure) {
        headers = try list(headerLines)
        try check(ccurl_set_list(curl, CURLOPT_HTTPHEADER, headers))
    }

    func set(connectTo mapping: String) throws(OptionFailure) {
        connectTo = try list([mapping])
        try check(ccurl_set_list(curl, CURLOPT_CONNECT_TO, connectTo))
    }

    func set(_ option: CURLoption, receiver: curl_write_callback) throws(OptionFailure) {
        try check(ccurl_set_receiver(curl, option, receiver))
    }

    func setErrorBuffer() throws(OptionFailure) {
        try check(ccurl_set_pointer(curl, CURLOPT_ERRORBUFFER, message))
    }

    func check(_ code: CURLcode) throws(OptionFailure) {
        guard code == CURLE_OK else { throw OptionFailure(code: code) }
    }

    private func list(_ texts: [String]) throws(OptionFailure) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        for text in texts {
            guard let longer = curl_slist_append(list, text) else {
                curl_slist_free_all(list)
                throw OptionFailure(code: CURLE_OUT_OF_MEMORY)
            }
            list = longer
        }
        return list
    }

    // MARK: State

    func info(_ info: CURLINFO) -> Int {
        var value = 0
        return ccurl_get_long(curl, info, &value) == CURLE_OK ? value : 0
    }

    /// What libcurl wrote into the error buffer.
    var errorMessage: String { String(cString: message) }
}

/// An option libcurl does not take.
struct OptionFailure: Error {
    let code: CURLcode
}
