// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "first-job",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "weir", path: "../..")],
    targets: [
        .executableTarget(
            name: "first-job",
            dependencies: [
                .product(name: "WeirKit", package: "weir"),
                .product(name: "StreamRuntime", package: "weir"),
                .product(name: "ConnectorFiles", package: "weir"),
            ])
    ]
)
