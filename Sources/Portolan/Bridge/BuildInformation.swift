/// What this binary is.
package enum BuildInformation {
    package static let version = "0.1.0"

    package static var compiler: String {
        #if compiler(>=6.3)
        "6.3"
        #else
        "6.2"
        #endif
    }

    package static var platform: String {
        #if arch(x86_64)
        "linux x86_64"
        #elseif arch(arm64)
        "linux arm64"
        #else
        "linux"
        #endif
    }
}
