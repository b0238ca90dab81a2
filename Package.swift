// swift-tools-version:6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

/// A library target in its own folder. The order below is the order of layers: a target depends only on earlier ones.
func library(_ name: String, in path: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(path)", swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], fixtures: Bool = false) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.init(stringLiteral: name)] + dependencies,
        path: "Tests/\(name)",
        resources: fixtures ? [.copy("Fixtures")] : [],
        swiftSettings: settings
    )
}

let package = Package(
    name: "portolan",
    products: [
        .executable(name: "portolan", targets: ["PortolanCLI"]),
        .executable(name: "portolan-sandbox", targets: ["SandboxCLI"]),
        .executable(name: "portolan-demo", targets: ["Demo"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CCurl",
            path: "Sources/Transport/CCurl",
            pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]
        ),
        library("HTTPTransport", in: "Transport/HTTP", ["CCurl"]),
        library("ServiceCatalog", in: "Catalog"),
        library("SyncEngine", in: "Sync", ["ServiceCatalog", logging]),
        .target(name: "CPrefetch", path: "Sources/DNS/CPrefetch"),
        library("DNSCore", in: "DNS/Core", ["CPrefetch"]),
        .target(name: "CSocket", path: "Sources/DNS/CSocket"),
        library("DNSSigning", in: "DNS/Signing", ["DNSCore", crypto]),
        library("DNSTransfer", in: "DNS/Transfer", ["DNSCore", "ServiceCatalog", crypto]),
        library(
            "DNSServer",
            in: "DNS/Server",
            [
                "CSocket", "DNSCore", "DNSSigning", "DNSTransfer", "ServiceCatalog", logging, nioCore, nioPosix, nioSSL,
                nioTLS,
            ]
        ),
        library("DNSZones", in: "DNS/Zones", ["DNSCore", "ServiceCatalog"]),
        library("DNSState", in: "DNS/State", ["ServiceCatalog"]),
        library("KubernetesObjects", in: "Kubernetes/Objects", ["ServiceCatalog"]),
        library("KubernetesClient", in: "Kubernetes/Client", ["HTTPTransport", "KubernetesObjects", logging, yams]),
        library(
            "KubernetesSystem",
            in: "Systems/Kubernetes",
            [
                "KubernetesClient", "KubernetesObjects", "ServiceCatalog", "HTTPTransport", logging,
            ]
        ),
        library("ManifestsSystem", in: "Systems/Manifests", ["KubernetesObjects", "ServiceCatalog", logging, yams]),
        library(
            "ConsulSystem",
            in: "Systems/Consul",
            ["HTTPTransport", "ServiceCatalog", "SyncEngine", logging]
        ),
        library("Telemetry", in: "Telemetry"),
        library(
            "AdminServer",
            in: "Admin",
            ["ServiceCatalog", "Telemetry", hummingbird, hummingbirdCore, lifecycle, logging, nioCore]
        ),
        library("PortolanLogs", in: "Portolan/Logs", [logging]),
        library(
            "PortolanConfiguration",
            in: "Portolan/Configuration",
            ["DNSCore", "DNSTransfer", "DNSZones", "KubernetesClient", "ServiceCatalog", "SyncEngine", yams]
        ),
        library(
            "Portolan",
            in: "Portolan/Bridge",
            [
                "AdminServer", "ConsulSystem", "DNSCore", "DNSServer", "DNSSigning", "DNSState", "DNSTransfer",
                "DNSZones", "HTTPTransport",
                "KubernetesClient",
                "KubernetesSystem", "ManifestsSystem", "PortolanConfiguration", "PortolanLogs", "ServiceCatalog",
                "SyncEngine",
                "Telemetry", lifecycle, logging, nioCore, unixSignals,
            ]
        ),
        .executableTarget(
            name: "PortolanCLI",
            dependencies: ["AdminServer", "HTTPTransport", "Portolan", argumentParser],
            path: "Sources/PortolanCLI",
            swiftSettings: settings
        ),
        library("Sandbox", in: "Sandbox", [crypto, logging, nioCore, nioHTTP1, nioPosix, nioSSL, yams]),
        .executableTarget(
            name: "SandboxCLI",
            dependencies: [
                "HTTPTransport", "KubernetesClient", "KubernetesObjects", "Sandbox", argumentParser, logging,
            ],
            path: "Sources/SandboxCLI",
            swiftSettings: settings
        ),
        tests("KubernetesClient", ["HTTPTransport", "KubernetesObjects", "KubernetesScripts"], fixtures: true),
        // Programs that the demo and the tests start.
        .target(name: "CSpawn", path: "Sources/ChildProcesses/CSpawn"),
        .target(
            name: "ChildProcesses",
            dependencies: ["CSpawn"],
            path: "Sources/ChildProcesses",
            exclude: ["CSpawn"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "Demo",
            dependencies: [
                "ChildProcesses", "DNSCore", "DNSZones", "HTTPTransport", "KubernetesClient", "KubernetesObjects",
                argumentParser,
                unixSignals,
            ],
            path: "Sources/Demo",
            swiftSettings: settings
        ),
        // A scripted API server and a clock that stands still, for the tests of what speaks to clusters.
        .target(
            name: "KubernetesScripts",
            dependencies: ["HTTPTransport", "KubernetesClient"],
            path: "Tests/Support/KubernetesScripts",
            swiftSettings: settings
        ),
        tests(
            "KubernetesSystem",
            [
                "HTTPTransport", "KubernetesClient", "KubernetesObjects", "KubernetesScripts", "Sandbox",
                "ServiceCatalog",
                logging,
            ]
        ),
        tests("ServiceCatalog"),
        tests("DNSCore", ["CAllocationCounter"], fixtures: true),
        tests("DNSSigning", ["DNSCore", crypto]),
        tests(
            "DNSServer",
            [
                "DNSCore", "DNSSigning", "DNSTransfer", "ServiceCatalog", "TestCertificates", logging, nioCore,
                nioEmbedded, nioPosix, nioSSL, nioTLS,
            ]
        ),
        tests("DNSTransfer", ["DNSCore", "ServiceCatalog"], fixtures: true),
        .target(name: "CAllocationCounter", path: "Tests/Support/CAllocationCounter"),
        tests("KubernetesObjects", ["ServiceCatalog"], fixtures: true),
        tests("ManifestsSystem", ["KubernetesObjects", "ServiceCatalog", logging]),
        tests("HTTPTransport", ["CCurl", "TestCertificates", nioCore, nioHPACK, nioHTTP2, nioPosix, nioSSL]),
        // Certificates and keys of nobody, for the tests of what speaks TLS.
        .target(name: "TestCertificates", path: "Tests/Support/TestCertificates", swiftSettings: settings),
        tests("Telemetry"),
        tests(
            "PortolanConfiguration",
            ["DNSCore", "DNSTransfer", "DNSZones", "KubernetesClient", "ServiceCatalog", "SyncEngine"]
        ),
        tests("PortolanLogs", [logging]),
        tests("AdminServer", ["HTTPTransport", logging]),
        tests("Sandbox", [logging, nioCore, nioHTTP1, nioPosix], fixtures: true),
        // The contract of all registries: a library, so that the tests of each can run it.
        .target(
            name: "RegistryContract",
            dependencies: ["ServiceCatalog", "SyncEngine"],
            path: "Tests/Contract",
            swiftSettings: settings
        ),
        tests("SyncEngine", ["RegistryContract", "ServiceCatalog", logging]),
        tests("DNSZones", ["DNSCore", "ServiceCatalog"]),
        tests("DNSState", ["ServiceCatalog"]),
        tests(
            "ConsulSystem",
            ["HTTPTransport", "RegistryContract", "Sandbox", "ServiceCatalog", "SyncEngine", logging],
            fixtures: true
        ),
        // The built program against servers and clients that nobody here wrote.
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["TestCertificates"],
            path: "Tests/Conformance",
            swiftSettings: settings
        ),
        // The built program between servers, as its users run it.
        .testTarget(
            name: "SystemTests",
            dependencies: [
                "ChildProcesses", "DNSCore", "DNSZones", "HTTPTransport", "KubernetesClient", "KubernetesObjects",
                "Sandbox", yams,
            ],
            path: "Tests/System",
            resources: [.copy("Fixtures")],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)

// Benchmarks use what is package-internal, so they are targets here, but only where they are asked for.
if Context.environment["PORTOLAN_BENCHMARKS"] != nil {
    package.targets.append(
        .executableTarget(
            name: "DNSBenchmark",
            dependencies: ["DNSCore", "DNSServer", "DNSZones", "ServiceCatalog", logging],
            path: "Benchmarks/dns/Server",
            swiftSettings: settings
        )
    )
}

// So are the fuzzers, which scripts/fuzz builds with a `main` from libFuzzer. They read the packet tables as the tests do,
// and are built without them.
if Context.environment["PORTOLAN_FUZZ"] != nil {
    let fuzzers: KeyValuePairs<String, [Target.Dependency]> = [
        "Configuration": ["DNSCore", "DNSZones", "PortolanConfiguration", "ServiceCatalog"],
        "ConsulAnswers": ["ConsulSystem", "ServiceCatalog", "SyncEngine"],
        "ConsulProjection": ["ConsulSystem", "FuzzObjects", "KubernetesObjects", "ServiceCatalog", "SyncEngine"],
        "DNSAnswer": ["DNSCore", "DNSTables"],
        "DNSMessage": ["DNSCore"],
        "DNSState": ["DNSCore", "DNSState", "DNSZones", "ServiceCatalog"],
        "DNSStream": ["DNSServer", nioCore],
        "DomainName": ["DNSCore"],
        "KeyFile": ["DNSCore", "DNSSigning"],
        "JSON": ["ConsulSystem", "DNSZones", "KubernetesObjects"],
        "Kubeconfig": ["KubernetesClient", "KubernetesObjects"],
        "KubernetesJSON": ["FuzzObjects", "KubernetesObjects"],
        "KubernetesProtobuf": ["FuzzObjects", "KubernetesObjects"],
        "KubernetesStatus": ["KubernetesObjects"],
        "Manifest": ["KubernetesObjects", "ManifestsSystem", yams],
        "ResponseHead": ["HTTPTransport"],
        "TSIG": ["DNSCore", "DNSTransfer"],
        "WatchStream": ["FuzzObjects", "KubernetesObjects"],
        "ZoneProjection": ["DNSCore", "DNSZones", "FuzzObjects", "ServiceCatalog"],
        "ZoneTransfer": ["DNSCore"],
        // Not a fuzzer: it writes what they begin with.
        "Seeds": ["DNSCore", "DNSState", "DNSTables", "ServiceCatalog"],
    ]
    package.targets.removeAll { $0.type == .test }
    package.targets += [
        .target(
            name: "DNSTables",
            dependencies: ["DNSCore"],
            path: "Tests/DNSCore",
            sources: ["PacketTable.swift", "Presentation.swift", "ZoneFixture.swift"],
            resources: [.copy("Fixtures")],
            swiftSettings: settings
        ),
        .target(name: "FuzzSupport", path: "Fuzz/Support", swiftSettings: settings),
        .target(
            name: "FuzzObjects",
            dependencies: ["FuzzSupport", "KubernetesObjects", "ServiceCatalog"],
            path: "Fuzz/Objects",
            swiftSettings: settings
        ),
    ]
    package.targets += fuzzers.map { name, dependencies in
        .executableTarget(
            name: "Fuzz\(name)",
            dependencies: ["FuzzSupport"] + dependencies,
            path: "Fuzz/Targets/\(name)",
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]
        )
    }
}
