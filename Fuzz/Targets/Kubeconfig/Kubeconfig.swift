import FuzzSupport
import KubernetesObjects

@testable import KubernetesClient

/// Any text as a kubeconfig file.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    do throws(ClusterConfigurationError) {
        let kubeconfig = try Kubeconfig(yaml: text, file: "config")
        // Files that a kubeconfig names are not this fuzzer's to read.
        guard !kubeconfig.namesFiles else { return 0 }
        check(kubeconfig, nil, text)
        for context in kubeconfig.contexts.keys.sorted().prefix(8) { check(kubeconfig, context, text) }
    } catch {
        check(error, text)
    }
    return 0
}

private func check(_ kubeconfig: Kubeconfig, _ context: String?, _ text: String) {
    do throws(ClusterConfigurationError) {
        let configuration = try kubeconfig.configuration(context: context, files: ["config"])
        require(
            configuration.server.hasPrefix("https://") || configuration.server.hasPrefix("http://"),
            "a server is a URL"
        )
        if configuration.server.hasPrefix("http://") {
            require(configuration.credentials == .none, "credentials are not sent unencrypted")
        }
        if case .exec(let plugin) = configuration.credentials {
            require((try? JSONValue(parsing: plugin.request.encoded)) == plugin.request, "a plugin is asked in JSON")
        }
    } catch {
        check(error, text)
    }
}

private func check(_ error: ClusterConfigurationError, _ text: String) {
    require(!error.message.isEmpty, "a mistake is explained")
    let lines = text.unicodeScalars.count { ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0) } + 1
    require((1...(lines + 1)).contains(error.line ?? 1), "a mistake's line is in the file: \(error)")
}

extension Kubeconfig {
    fileprivate var namesFiles: Bool {
        clusters.values.contains { $0.certificateAuthority != nil }
            || users.values.contains { $0.clientCertificate != nil || $0.clientKey != nil || $0.tokenFile != nil }
    }
}
