import HTTPTransport
import KubernetesObjects

extension ExecPlugin {
    struct Answer: Sendable {
        let credential: Credential
        let expires: Timestamp?
    }

    /// Runs the plugin once and reads the credential it prints.
    func run(environment inherited: [String: String]) async throws(CredentialError) -> Answer {
        var environment = inherited
        for variable in self.environment { environment[variable.name] = variable.value.value }
        environment["KUBERNETES_EXEC_INFO"] = String(decoding: request.encoded, as: UTF8.self)
        let outcome = await ChildProcess(
            command: command,
            arguments: arguments,
            environment: environment,
            timeout: timeout,
            outputLimit: outputLimit
        ).run()
        switch outcome {
        case .notStarted(let reason, let isAbsent):
            throw failure(isAbsent ? .pluginMissing : .pluginFailed, "cannot be started: \(reason)", hint: true)
        case .timedOut:
            throw failure(.pluginTimedOut, "did not answer within \(timeout)")
        case .tooMuchOutput:
            throw failure(.pluginAnswer, "prints more than \(outputLimit) bytes")
        case .signalled(let signal):
            throw failure(.pluginFailed, "was ended by signal \(signal)")
        case .exited(let status, let output, let complaint):
            guard status == 0 else {
                let told = complaint.isEmpty ? "" : ": \(complaint)"
                throw failure(.pluginFailed, "ended with status \(status)\(told)", hint: true)
            }
            return try read(output)
        }
    }

    /// The ExecCredential that asks for a credential.
    var request: JSONValue {
        var spec: JSONValue = ["interactive": false]
        if let clusterInfo { spec["cluster"] = clusterInfo }
        return ["kind": "ExecCredential", "apiVersion": .string(apiVersion.rawValue), "spec": spec]
    }

    /// Reads the ExecCredential a plugin printed.
    func read(_ output: [UInt8]) throws(CredentialError) -> Answer {
        let answer: JSONValue
        do throws(ObjectDecodingError) {
            answer = try JSONValue(parsing: output)
        } catch {
            throw failure(.pluginAnswer, "prints no JSON")
        }
        guard answer["kind"]?.string == "ExecCredential" else {
            throw failure(.pluginAnswer, "prints no ExecCredential")
        }
        let version = answer["apiVersion"]?.string ?? ""
        guard version == apiVersion.rawValue else {
            throw failure(
                .pluginAnswer,
                "answers in apiVersion \"\(version)\", and the kubeconfig asks for \"\(apiVersion.rawValue)\""
            )
        }
        func text(_ key: String) -> String? { answer["status"]?[key]?.string.flatMap { $0.isEmpty ? nil : $0 } }

        var credential = Credential()
        if let token = text("token") { credential = .bearer(token) }
        switch (text("clientCertificateData"), text("clientKeyData")) {
        case (let certificate?, let key?):
            credential.clientCertificate = .init(
                certificate: .pem(Array(certificate.utf8)),
                key: .pem(Array(key.utf8))
            )
        case (nil, nil):
            break
        default:
            throw failure(.pluginAnswer, "gives only one of clientCertificateData and clientKeyData")
        }
        guard credential != Credential() else {
            throw failure(.pluginAnswer, "gives neither a token nor a client certificate")
        }
        guard let expiry = text("expirationTimestamp") else { return Answer(credential: credential, expires: nil) }
        guard let expires = Timestamp(expiry) else {
            throw failure(.pluginAnswer, "gives an expirationTimestamp that is no RFC 3339 time")
        }
        return Answer(credential: credential, expires: expires)
    }

    private func failure(_ reason: CredentialError.Reason, _ problem: String, hint: Bool = false) -> CredentialError {
        var message = "the credential plugin \(command) \(problem)"
        if hint, let installHint { message += " (\(trimmed(installHint)))" }
        return CredentialError(reason, message)
    }
}
