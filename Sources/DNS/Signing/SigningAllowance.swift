/// How many signatures one thread makes for denials over UDP, where an asker's address may be forged and every name that
/// is not there costs one. Beyond, the answer is empty with TC.
package struct SigningAllowance: Sendable {
    private let perSecond: Int
    private var second: Int64 = .min
    private var used = 0

    package init(perSecond: Int = 8000) { self.perSecond = perSecond }

    mutating func take(at now: Int64) -> Bool {
        if now != second { (second, used) = (now, 0) }
        guard used < perSecond else { return false }
        used += 1
        return true
    }
}
