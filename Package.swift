// swift-tools-version: 6.2
import PackageDescription

// Mistakes to be caught by the simulator are there only when asked for, in a build of its own (scripts/simulate).
let planted: [SwiftSetting] = Context.environment["WEIR_PLANTED"] == nil ? [] : [.define("WEIR_PLANTED")]
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)] + planted
// Tests that write down many small jobs: each is a type of its own, and optimising them all takes minutes; the engine they
// call is optimised all the same. (Test targets are in no product, so packages that use this one do not see the flag.)
let unoptimized: [SwiftSetting] = strict + [.unsafeFlags(["-Onone"])]

let package = Package(
    name: "weir",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "StreamRuntime", targets: ["StreamRuntime"]),
        .library(name: "StreamRuntimeTesting", targets: ["StreamRuntimeTesting"]),
        .library(name: "StateRocksDB", targets: ["StateRocksDB"]),
        .library(name: "ConnectorFiles", targets: ["ConnectorFiles"]),
        .library(name: "ConnectorLog", targets: ["ConnectorLog"]),
        .library(name: "ConnectorKafka", targets: ["ConnectorKafka"]),
        .library(name: "ConnectorDynamoDB", targets: ["ConnectorDynamoDB"]),
        .library(name: "ConnectorRedis", targets: ["ConnectorRedis"]),
        .library(name: "ConnectorElasticsearch", targets: ["ConnectorElasticsearch"]),
        .library(name: "ConnectorClickHouse", targets: ["ConnectorClickHouse"]),
        .library(name: "TraceContext", targets: ["TraceContext"]),
        .library(name: "WeirKit", targets: ["WeirKit"]),
        .library(name: "ControlPlane", targets: ["ControlPlane"]),
        .library(name: "Drills", targets: ["Drills"]),
        .executable(name: "weir", targets: ["weir"]),
        .executable(name: "weir-bench", targets: ["weir-bench"]),
        .executable(name: "weir-simulate", targets: ["weir-simulate"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    ],
    targets: [
        // The engine: no HTTP, no Kafka, no C but the header-only shim.
        .target(name: "COSShim"),
        // JSON from outside, which Foundation must not be given as it is.
        .target(name: "UntrustedJSON", swiftSettings: strict),
        .target(name: "StreamRuntime", dependencies: ["COSShim", "UntrustedJSON"], swiftSettings: strict),

        // What a job with transactions may do when, and what it goes on from: pure, no client.
        .target(name: "TransactionRules", dependencies: ["StreamRuntime"], swiftSettings: strict),

        // For the tests of job authors, and ours: jobs and operators on one thread, in virtual time; the simulator.
        .target(name: "StreamRuntimeTesting", dependencies: ["StreamRuntime", "TransactionRules"], swiftSettings: strict),

        // What the simulator runs: jobs, what they are fed, what must come of it.
        .target(
            name: "SimulationWorkloads", dependencies: ["StreamRuntime", "StreamRuntimeTesting", "Trading"],
            swiftSettings: strict),

        // Connectors and state backends: they know the engine; the engine does not know them.
        .systemLibrary(
            name: "CRocksDB", pkgConfig: "rocksdb",
            providers: [.apt(["librocksdb-dev"]), .brew(["rocksdb"])]),
        .target(name: "StateRocksDB", dependencies: ["StreamRuntime", "CRocksDB"], swiftSettings: strict),
        .systemLibrary(
            name: "CRdKafka", pkgConfig: "rdkafka",
            providers: [.apt(["librdkafka-dev"]), .brew(["librdkafka"])]),
        .target(
            name: "ConnectorKafka", dependencies: ["StreamRuntime", "TransactionRules", "CRdKafka"], swiftSettings: strict),
        .target(name: "ConnectorLog", dependencies: ["StreamRuntime"], swiftSettings: strict),
        .target(name: "ConnectorFiles", dependencies: ["StreamRuntime", "UntrustedJSON"], swiftSettings: strict),

        // Outside stores: what their clients share (errors, breakers, retries, metrics), and a client each.
        .target(
            name: "StoreKit",
            dependencies: [
                "StreamRuntime",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ], swiftSettings: strict),
        .target(
            name: "ConnectorDynamoDB",
            dependencies: [
                "StoreKit", "StreamRuntime", "UntrustedJSON",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: strict),
        .systemLibrary(
            name: "CHiredis", pkgConfig: "hiredis",
            providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
        .target(
            name: "ConnectorRedis",
            dependencies: [
                "StoreKit", "StreamRuntime", "CHiredis", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .target(
            name: "ConnectorElasticsearch",
            dependencies: [
                "StoreKit", "StreamRuntime", "UntrustedJSON", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: strict),
        .target(
            name: "ConnectorClickHouse",
            dependencies: [
                "StoreKit", "StreamRuntime", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: strict),

        // The trading system: values, ports with their adapters, jobs.
        .target(
            name: "Trading",
            dependencies: [.product(name: "Crypto", package: "swift-crypto")], swiftSettings: strict),
        .target(
            name: "TradingStores",
            dependencies: [
                "Trading", "StoreKit", "ConnectorDynamoDB", "ConnectorRedis", "ConnectorElasticsearch",
                "ConnectorClickHouse", "CRocksDB", "UntrustedJSON",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: strict),
        .target(
            name: "Jobs",
            dependencies: [
                "StreamRuntime", "ConnectorKafka", "ConnectorLog", "StoreKit", "TraceContext", "Trading", "TradingStores",
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict),

        // What every HTTP server here keeps to.
        .target(
            name: "HTTPServing",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: strict),

        // W3C trace context in values and headers; spans over OTLP.
        .target(
            name: "TraceContext",
            dependencies: [.product(name: "Instrumentation", package: "swift-distributed-tracing")], swiftSettings: strict),
        .target(
            name: "WeirTracing",
            dependencies: [
                "TraceContext", "UntrustedJSON",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ], swiftSettings: strict),
        // The web page of the trading system, compiled in as it is.
        .target(name: "CWebPage", exclude: ["index.html", "icon.svg", "css", "js"]),
        // The HTTP services of the trading system: gateway, orders, portfolios, queries, market data.
        .target(
            name: "Services",
            dependencies: [
                "HTTPServing", "StoreKit", "StreamRuntime", "TraceContext", "Trading", "TradingStores", "Jobs", "ConnectorKafka",
                "ConnectorLog", "CWebPage", "UntrustedJSON",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ], swiftSettings: strict),
        // Supervises jobs as processes, serves REST and the web page about them.
        .target(name: "CSpawnShim"),
        .target(name: "ProcessSpawn", dependencies: ["CSpawnShim"], swiftSettings: strict),
        .target(name: "CHostShim"),
        .target(name: "CControlPage", exclude: ["index.html", "icon.svg", "css", "js"]),
        .target(
            name: "ControlPlane",
            dependencies: [
                "CControlPage", "CHostShim", "HTTPServing", "ProcessSpawn", "StreamRuntime", "UntrustedJSON", "WeirKit",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], swiftSettings: strict),

        // Executables and what they share.
        .target(
            name: "WeirKit",
            dependencies: [
                "HTTPServing", "StreamRuntime", "StateRocksDB", "TraceContext", "UntrustedJSON", "WeirTracing",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: strict),
        // Jobs as processes under kills and other troubles, judged from outside.
        .target(name: "CDrillShim"),
        .target(
            name: "Drills",
            dependencies: [
                "CDrillShim", "ProcessSpawn", "StreamRuntime", "WeirKit",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),
        .target(
            name: "TradingDrills",
            dependencies: ["ConnectorKafka", "ConnectorLog", "Drills", "StreamRuntime", "Trading", "TradingStores"],
            swiftSettings: strict),
        .executableTarget(
            name: "weir",
            dependencies: [
                "WeirKit", "Jobs", "ExampleJobs", "ConnectorKafka", "ConnectorLog", "ControlPlane", "Drills", "Services",
                "StoreKit",
                "Trading", "TradingDrills", "TradingStores", "WeirTracing",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),
        .target(
            name: "ExampleJobs", dependencies: ["StreamRuntime", "ConnectorFiles", "ConnectorLog", "WeirKit"],
            path: "Examples/Jobs", swiftSettings: strict),
        // The README's example, compiled and run by the tests.
        .executableTarget(
            name: "first-job", dependencies: ["WeirKit", "StreamRuntime", "ConnectorFiles"],
            path: "Examples/first-job/Sources/first-job", swiftSettings: strict),
        .executableTarget(
            name: "weir-bench",
            dependencies: [
                "StreamRuntime", "StateRocksDB", "ConnectorLog", "ConnectorKafka", "CRdKafka", "Jobs", "Services", "Trading",
                "TradingStores",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], path: "Benchmarks/weir-bench", swiftSettings: strict),
        // `make fuzz`.
        .executableTarget(
            name: "weir-fuzz",
            dependencies: [
                "StreamRuntime", "ConnectorLog", "ControlPlane", "Jobs", "Services", "TraceContext", "Trading", "TradingStores",
                "WeirKit",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ], path: "Benchmarks/weir-fuzz", swiftSettings: strict),
        // `make simulate`.
        .executableTarget(
            name: "weir-simulate",
            dependencies: [
                "SimulationWorkloads", "StreamRuntime", "StreamRuntimeTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Benchmarks/weir-simulate", swiftSettings: strict),

        .testTarget(
            name: "SimulationTests", dependencies: ["SimulationWorkloads", "StreamRuntime", "StreamRuntimeTesting"],
            swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: ["weir-fuzz", "TestKit"], exclude: ["Corpus"], swiftSettings: strict),
        .testTarget(
            name: "StreamRuntimeTests", dependencies: ["UntrustedJSON", "StreamRuntime", "StreamRuntimeTesting", "TestKit"],
            swiftSettings: strict),
        // Operators beside naive models of them, on random streams and on every backend.
        .testTarget(
            name: "StreamRuntimeModelTests", dependencies: ["StreamRuntime", "StreamRuntimeTesting", "StateRocksDB"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "StreamRuntimeTestingTests", dependencies: ["StreamRuntime", "StreamRuntimeTesting", "TestKit"],
            exclude: ["golden"], swiftSettings: unoptimized),
        .testTarget(
            name: "BatchingTests", dependencies: ["StreamRuntime", "StreamRuntimeTesting", "TestKit"], swiftSettings: strict),
        .testTarget(
            name: "WindowTests", dependencies: ["StreamRuntime", "StreamRuntimeTesting", "StateRocksDB", "TestKit"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "StateTests", dependencies: ["StreamRuntime", "StateRocksDB", "StreamRuntimeTesting", "TestKit"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "ConnectorLogTests", dependencies: ["StreamRuntime", "ConnectorLog", "TestKit"],
            swiftSettings: strict),
        .testTarget(
            name: "ConnectorKafkaTests",
            dependencies: ["StreamRuntime", "TestKit", "TestServers", "TransactionRules", "ConnectorKafka"],
            swiftSettings: strict),
        .testTarget(
            name: "ConnectorFilesTests", dependencies: ["StreamRuntime", "StreamRuntimeTesting", "ConnectorFiles", "TestKit"],
            swiftSettings: strict),
        // A small application that the tests of WeirKit run as a process.
        .executableTarget(
            name: "weirkit-fixture",
            dependencies: [
                "WeirKit", "StreamRuntime", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Tests/WeirKitFixture", swiftSettings: strict),
        .testTarget(
            name: "WeirKitTests",
            dependencies: [
                "WeirKit", "StoreKit", "StreamRuntime", "TestKit", "TestServers", "TraceContext", "weirkit-fixture",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "Metrics", package: "swift-metrics"),
            ], swiftSettings: strict),
        // An application with jobs that the tests of the control plane submit.
        .executableTarget(
            name: "control-fixture",
            dependencies: [
                "ControlPlane", "WeirKit", "StreamRuntime", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ], path: "Tests/ControlPlaneFixture", swiftSettings: strict),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "ControlPlane", "WeirKit", "StreamRuntime", "TestKit", "TestServers", "control-fixture",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            exclude: ["flink_rest_client_check.py", "page_check.py"], swiftSettings: strict),
        .testTarget(name: "TradingTests", dependencies: ["Trading"], swiftSettings: strict),
        .testTarget(
            name: "TradingStoresTests",
            dependencies: [
                "StoreKit", "ConnectorDynamoDB", "ConnectorElasticsearch", "TestKit", "TestServers", "Trading", "TradingStores",
            ], swiftSettings: strict),
        // What tests of several targets share: folders of their own, waiting, where the executables are.
        .target(name: "TestKit", path: "Tests/TestKit", swiftSettings: strict),
        // And for those that need servers: where the servers are, a proxy whose faults are switched.
        .target(
            name: "TestServers",
            dependencies: [
                .product(name: "AsyncHTTPClient", package: "async-http-client"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Tests/TestServers", swiftSettings: strict),
        .testTarget(
            name: "StoreSinkTests",
            dependencies: [
                "StoreKit", "ConnectorDynamoDB", "ConnectorRedis", "ConnectorElasticsearch", "ConnectorClickHouse",
                "StreamRuntime", "StreamRuntimeTesting", "TestKit", "TestServers",
                .product(name: "NIOCore", package: "swift-nio"),
            ], swiftSettings: strict),
        .testTarget(
            name: "MarketDataTests",
            dependencies: [
                "Services", "StoreKit", "ConnectorRedis", "TestKit", "Trading", "TradingStores",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], swiftSettings: strict),
        .testTarget(
            name: "JobsTests",
            dependencies: [
                "Jobs", "StreamRuntime", "ConnectorLog", "StoreKit", "TestKit", "TestServers", "TraceContext", "Trading",
                "TradingDrills", "TradingStores",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ServicesTests",
            dependencies: [
                "Services", "Jobs", "ConnectorKafka", "ConnectorLog", "StoreKit", "StreamRuntime", "TestKit", "TestServers",
                "TraceContext", "Trading", "TradingStores",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], swiftSettings: strict),
        // The HTTP services as processes of their own, attacked route by route.
        .testTarget(
            name: "SecurityTests",
            dependencies: [
                "weir", "Services", "StoreKit", "TestKit", "TestServers", "Trading", "TradingStores",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: strict),
        // Every example, run by `weir run` as a user would.
        .testTarget(
            name: "ExampleTests", dependencies: ["weir", "StreamRuntimeTesting", "TestKit"],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "WeirTracingTests",
            dependencies: [
                "StoreKit", "TestKit", "TestServers", "TraceContext", "Trading", "TradingStores", "WeirTracing",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ], swiftSettings: strict),
        // What is deployed, and what is made for it: the OpenAPI document, `provision` and its list.
        .testTarget(
            name: "DeployTests",
            dependencies: [
                "weir", "Jobs", "StoreKit", "Trading", "TradingStores", "ConnectorKafka", "ConnectorLog", "CRdKafka", "Services",
                "TestKit", "TestServers", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: strict),
        .testTarget(name: "ReadmeTests", dependencies: ["first-job", "TestKit"], swiftSettings: strict),
        // The web page in a real browser.
        .testTarget(
            name: "WebPageTests", dependencies: ["weir", "Services", "TestKit", .product(name: "NIOCore", package: "swift-nio")],
            exclude: ["Browser"], swiftSettings: strict),
        .testTarget(name: "DrillKitTests", dependencies: ["Drills", "Jobs", "Trading", "TradingDrills"], swiftSettings: strict),
        // An application whose job is not exactly once, to be caught by its drill.
        .executableTarget(
            name: "drill-fixture", dependencies: ["Drills", "StreamRuntime", "WeirKit"], path: "Tests/DrillFixture",
            swiftSettings: strict),
        // The drills: the weir executable, killed at random moments, checked from the outside.
        .testTarget(
            name: "DrillTests",
            dependencies: [
                "weir", "drill-fixture", "ConnectorLog", "ConnectorKafka", "Drills", "TestKit", "TestServers", "Trading",
                "TradingDrills", "TradingStores",
                .product(name: "AsyncHTTPClient", package: "async-http-client"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
