import Glibc
package import ServiceCatalog

/// Why the server cannot listen on an address.
package struct ListenError: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        case inUse
        case notPermitted
        /// No interface has the address.
        case notAvailable
        /// Any other `errno`.
        case system(Int32)

        init(errno: Int32) {
            self =
                switch errno {
                case EADDRINUSE: .inUse
                case EACCES, EPERM: .notPermitted
                case EADDRNOTAVAIL: .notAvailable
                default: .system(errno)
                }
        }
    }

    package var address: ListenAddress
    package var transport: ServerTransport
    package var reason: Reason
}

extension ListenError: CustomStringConvertible {
    package var description: String {
        "cannot listen on \(address) (\(transport.rawValue.uppercased())): \(explanation)"
    }

    private var explanation: String {
        switch reason {
        case .inUse:
            "the port is in use, perhaps by another DNS server (systemd-resolved, dnsmasq, another portolan); "
                + "stop that one or choose another port"
        case .notPermitted:
            "permission denied; ports below 1024 need the capability CAP_NET_BIND_SERVICE: "
                + "grant it or choose a port from 1024 on"
        case .notAvailable:
            "no interface of this machine has the address; "
                + "choose one that it has, or 0.0.0.0 or [::] for all of them"
        case .system(let number):
            String(cString: strerror(number))
        }
    }
}
