/// Base64 of RFC 4648 section 4, as kubeconfig files and basic authentication use it.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    private static let values: [UInt8?] = {
        var values = [UInt8?](repeating: nil, count: 256)
        for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        return values
    }()

    static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var group: UInt32 = 0
        var count = 0
        func emit(_ characters: Int) {
            for index in 0..<4 {
                text.append(index < characters ? alphabet[Int(group >> (18 - 6 * index) & 63)] : padding)
            }
        }
        for byte in bytes {
            group |= UInt32(byte) << (16 - 8 * count)
            count += 1
            if count == 3 {
                emit(4)
                group = 0
                count = 0
            }
        }
        if count > 0 { emit(count + 1) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Line breaks and spaces are passed over, as YAML block scalars bring them.
    ///
    /// - Returns: `nil` when `text` is not base64.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 4 * 3)
        var group: UInt32 = 0
        var count = 0
        var pads = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
                continue
            case padding:
                pads += 1
            default:
                guard pads == 0, let value = values[Int(byte)] else { return nil }
                group = group << 6 | UInt32(value)
                count += 1
                if count == 4 {
                    bytes.append(contentsOf: [UInt8(group >> 16 & 255), UInt8(group >> 8 & 255), UInt8(group & 255)])
                    group = 0
                    count = 0
                }
            }
        }
        switch (count, pads) {
        case (0, 0):
            return bytes
        case (2, 2):
            return bytes + [UInt8(group >> 4 & 255)]
        case (3, 1):
            return bytes + [UInt8(group >> 10 & 255), UInt8(group >> 2 & 255)]
        default:
            return nil
        }
    }
}
