/// Keeps the credential of one cluster current.
///
/// Many tasks ask; a credential plugin still runs at most once at a time, and all of them share its answer.
package actor CredentialProvider {
    private let source: CredentialSource
    private let environment: [String: String]
    private let wallClock: @Sendable () -> Timestamp

    /// The plugin's last answer.
    private var cached: (credential: Credential, expires: Timestamp?)?
    private var running: Task<Result<ExecPlugin.Answer, CredentialError>, Never>?

    /// - Parameters:
    ///   - environment: what credential plugins inherit.
    ///   - wallClock: the time that `expirationTimestamp` is compared with.
    package init(
        _ source: CredentialSource,
        environment: [String: String],
        wallClock: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.source = source
        self.environment = environment
        self.wallClock = wallClock
    }

    /// The credential to send now. A token file is read each time: requests are rare, and rotation needs no timer.
    package func current() async throws(CredentialError) -> Credential {
        switch source {
        case .none:
            return Credential()
        case .token(let token):
            return .bearer(token.value)
        case .basic(let username, let password):
            return Credential(
                authorization: Secret("Basic \(Base64.encode(Array("\(username):\(password.value)".utf8)))")
            )
        case .tokenFile(let path, let fallback):
            return try readToken(path, fallback: fallback)
        case .exec(let plugin):
            if let cached, cached.expires.map({ $0 > wallClock() }) ?? true { return cached.credential }
            return try await run(plugin)
        }
    }

    /// The credential to send after the server refused `rejected` with 401. Asks the plugin again, unless that has
    /// already happened since.
    package func refresh(after rejected: Credential) async throws(CredentialError) -> Credential {
        if case .exec = source, cached?.credential == rejected { cached = nil }
        return try await current()
    }

    private func readToken(_ path: String, fallback: Secret?) throws(CredentialError) -> Credential {
        do throws(FileFailure) {
            let token = trimmed(String(decoding: try readFile(path), as: UTF8.self))
            if !token.isEmpty { return .bearer(token) }
            guard fallback == nil else { return .bearer(fallback!.value) }
        } catch {
            if let fallback { return .bearer(fallback.value) }
            throw CredentialError(.fileUnreadable, "the token file \(path) cannot be read: \(error.reason)")
        }
        throw CredentialError(.fileUnreadable, "the token file \(path) is empty")
    }

    private func run(_ plugin: ExecPlugin) async throws(CredentialError) -> Credential {
        let task: Task<Result<ExecPlugin.Answer, CredentialError>, Never>
        if let running {
            task = running
        } else {
            task = Task { [environment] in
                do throws(CredentialError) {
                    return .success(try await plugin.run(environment: environment))
                } catch {
                    return .failure(error)
                }
            }
            running = task
        }
        let result = await task.value
        if running == task {
            running = nil
            cached = (try? result.get()).map { ($0.credential, $0.expires) }
        }
        return try result.get().credential
    }
}
