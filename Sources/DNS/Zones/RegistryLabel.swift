import ServiceCatalog

/// The rule by which names of registries, which may hold anything, become DNS labels.
///
/// A name is put in lower case (ASCII). Letters, digits and `_` stand for themselves, and so does `-`, except at the
/// start of a label (`_` and `-`), at its end (`-`) and after another `-`. Any other octet becomes `x--HH`, HH being
/// its value in two hexadecimal digits. Dots part a name into labels, save one at the start, at the end or after
/// another dot, which is escaped. So `cart.shop` keeps its shape, `com/acme:Cart` becomes `comx--2facmex--3acart`.
///
/// The way back is unique up to case: `--` stands in a result only inside `x--HH`. Results are host labels
/// (RFC 1123) wherever the name holds no `_`, never look like A-labels (`xn--`), and never begin with the `_` of
/// RFC 2782 names. Where a name has several labels and the first spells an address with dashes, its first octet is
/// escaped as well, for `10-0-0-1.cart` is the name of an instance of `cart`.
enum RegistryLabel {
    /// The labels of a name, dots parting them; `nil` when the name is empty or a label longer than 63 octets.
    static func labels(of name: String) -> [[UInt8]]? {
        var labels = escaped(name, dotsPart: true)
        if labels.count > 1, labels[0].withUnsafeBufferPointer({ IPAddress(dashed: $0) }) != nil {
            labels[0].replaceSubrange(0..<1, with: escape(labels[0][0]))
        }
        return labels.allSatisfy { (1...63).contains($0.count) } ? labels : nil
    }

    /// A name as one label, dots escaped; `nil` when it is empty or the label longer than 63 octets.
    static func label(of name: String) -> [UInt8]? {
        let label = escaped(name, dotsPart: false)[0]
        return (1...63).contains(label.count) ? label : nil
    }

    private static func escaped(_ name: String, dotsPart: Bool) -> [[UInt8]] {
        let dot = UInt8(ascii: "."), dash = UInt8(ascii: "-")
        let bytes = Array(name.utf8)
        var labels: [[UInt8]] = [[]]
        /// The octet before, unless a label starts here.
        var before: UInt8?
        func parts(_ index: Int) -> Bool {
            dotsPart && bytes[index] == dot && index > 0 && index < bytes.count - 1 && bytes[index - 1] != dot
        }
        for (index, byte) in bytes.enumerated() {
            if parts(index) {
                labels.append([])
                before = nil
                continue
            }
            let endsLabel = index == bytes.count - 1 || parts(index + 1)
            let stands: Bool
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                stands = true
            case UInt8(ascii: "_"): stands = before != nil
            case dash: stands = before != nil && before != dash && !endsLabel
            default: stands = false
            }
            if stands {
                labels[labels.count - 1].append(lowercase(byte))
            } else {
                labels[labels.count - 1] += escape(byte)
            }
            before = byte
        }
        return labels
    }

    private static func escape(_ byte: UInt8) -> [UInt8] {
        [UInt8(ascii: "x"), UInt8(ascii: "-"), UInt8(ascii: "-"), hexDigit(byte >> 4), hexDigit(byte & 0xf)]
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
