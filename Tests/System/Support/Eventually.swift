/// What was waited for and did not come.
struct Overdue: Error, CustomStringConvertible {
    let description: String
}

/// Asks again and again until the answer is `expected`. An error counts as another answer.
func eventually<Value: Equatable & Sendable>(
    _ subject: String,
    is expected: Value,
    within limit: Duration = .seconds(40),
    _ value: () async throws -> Value
) async throws {
    let deadline = ContinuousClock.now + limit
    var last = "never known"
    while true {
        do {
            let present = try await value()
            if present == expected { return }
            last = "\(present)"
        } catch {
            last = "\(error)"
        }
        guard ContinuousClock.now < deadline else {
            throw Overdue(description: "\(subject): \(last), and not \(expected), after \(limit)")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Asks again and again until it is so.
func eventually(
    _ subject: String,
    within limit: Duration = .seconds(40),
    _ isSo: () async throws -> Bool
) async throws {
    try await eventually(subject, is: true, within: limit, isSo)
}
