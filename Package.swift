// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

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
        .library(name: "WeirKit", targets: ["WeirKit"]),
        .executable(name: "weir", targets: ["weir"]),
        .executable(name: "weir-bench", targets: ["weir-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // The engine: no HTTP, no Kafka, no C but the header-only shim.
        .target(name: "COSShim"),
        .target(name: "StreamRuntime", dependencies: ["COSShim"], swiftSettings: strict),

        // For the tests of job authors, and ours: jobs and operators on one thread, in virtual time.
        .target(name: "StreamRuntimeTesting", dependencies: ["StreamRuntime"], swiftSettings: strict),

        // Connectors and state backends: they know the engine; the engine does not know them.
        .systemLibrary(
            name: "CRocksDB", pkgConfig: "rocksdb",
            providers: [.apt(["librocksdb-dev"]), .brew(["rocksdb"])]),
        .target(name: "StateRocksDB", dependencies: ["StreamRuntime", "CRocksDB"], swiftSettings: strict),
        .systemLibrary(
            name: "CRdKafka", pkgConfig: "rdkafka",
            providers: [.apt(["librdkafka-dev"]), .brew(["librdkafka"])]),
        .target(name: "ConnectorKafka", dependencies: ["StreamRuntime", "CRdKafka"], swiftSettings: strict),
        .target(name: "ConnectorLog", dependencies: ["StreamRuntime"], swiftSettings: strict),
        .target(name: "ConnectorFiles", dependencies: ["StreamRuntime"], swiftSettings: strict),

        // The trading system: values, ports with their adapters, jobs.
        .systemLibrary(
            name: "CHiredis", pkgConfig: "hiredis",
            providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
        .target(
            name: "Trading",
            dependencies: [.product(name: "Crypto", package: "swift-crypto")], swiftSettings: strict),
        .target(
            name: "TradingStores",
            dependencies: [
                "Trading", "CRocksDB", "CHiredis",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Metrics", package: "swift-metrics"),
            ], swiftSettings: strict),
        .target(
            name: "Jobs",
            dependencies: ["StreamRuntime", "ConnectorKafka", "ConnectorLog", "Trading", "TradingStores"],
            swiftSettings: strict),

        // Executables and what they share.
        .target(
            name: "WeirKit",
            dependencies: [
                "StreamRuntime", "StateRocksDB",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "weir",
            dependencies: [
                "WeirKit", "Jobs", "ExampleJobs", "ConnectorKafka", "ConnectorLog", "Trading", "TradingStores",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),
        .target(
            name: "ExampleJobs", dependencies: ["StreamRuntime", "ConnectorFiles", "WeirKit"], path: "Examples/Jobs",
            swiftSettings: strict),
        // The README's example, compiled and run by the tests.
        .executableTarget(
            name: "first-job", dependencies: ["WeirKit", "StreamRuntime", "ConnectorFiles"],
            path: "Examples/first-job/Sources/first-job", swiftSettings: strict),
        .executableTarget(
            name: "weir-bench",
            dependencies: [
                "StreamRuntime", "StateRocksDB", "ConnectorLog", "ConnectorKafka", "CRdKafka", "Jobs", "Trading",
                "TradingStores",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Benchmarks/weir-bench", swiftSettings: strict),

        .testTarget(
            name: "StreamRuntimeTests", dependencies: ["StreamRuntime", "StreamRuntimeTesting"], swiftSettings: strict),
        .testTarget(
            name: "StreamRuntimeTestingTests", dependencies: ["StreamRuntime", "StreamRuntimeTesting"],
            exclude: ["golden"], swiftSettings: strict),
        .testTarget(
            name: "WindowTests", dependencies: ["StreamRuntime", "StreamRuntimeTesting", "StateRocksDB"],
            swiftSettings: strict),
        .testTarget(
            name: "StateTests", dependencies: ["StreamRuntime", "StateRocksDB", "StreamRuntimeTesting"],
            swiftSettings: strict),
        .testTarget(
            name: "ConnectorLogTests", dependencies: ["StreamRuntime", "ConnectorLog"],
            swiftSettings: strict),
        .testTarget(
            name: "ConnectorKafkaTests", dependencies: ["StreamRuntime", "ConnectorKafka"],
            swiftSettings: strict),
        .testTarget(
            name: "ConnectorFilesTests", dependencies: ["StreamRuntime", "ConnectorFiles"],
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
                "WeirKit", "StreamRuntime", "weirkit-fixture", .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ], swiftSettings: strict),
        .testTarget(name: "TradingTests", dependencies: ["Trading"], swiftSettings: strict),
        .testTarget(
            name: "TradingStoresTests", dependencies: ["Trading", "TradingStores"], swiftSettings: strict),
        .testTarget(
            name: "JobsTests",
            dependencies: ["Jobs", "StreamRuntime", "ConnectorLog", "Trading", "TradingStores"],
            swiftSettings: strict),
        // Every example, run by `weir run` as a user would.
        .testTarget(
            name: "ExampleTests", dependencies: ["weir", "StreamRuntimeTesting"],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(name: "ReadmeTests", dependencies: ["first-job"], swiftSettings: strict),
        // The drills: the weir executable, killed at random moments, checked from the outside.
        .testTarget(
            name: "DrillTests",
            dependencies: ["weir", "ConnectorLog", "ConnectorKafka", "Trading", "TradingStores"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
