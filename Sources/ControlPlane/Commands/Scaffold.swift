import Foundation

/// The files of a new package. Pure.
package struct Scaffold: Sendable {
    let name: String
    /// A path or a URL.
    let weir: String

    package init(name: String, weir: String) {
        self.name = name
        self.weir = weir
    }

    package static func isName(_ text: String) -> Bool {
        text.utf8.count <= 50 && text.first.map { $0.isASCII && $0.isLowercase } == true
            && text.utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 45 }
    }

    static func isURL(_ place: String) -> Bool { place.contains("://") || place.hasPrefix("git@") }

    /// `my-jobs` → `my_jobs`, as the compiler names its module.
    private var module: String { name.replacing("-", with: "_") }

    private var dependency: String {
        Self.isURL(weir)
            ? ".package(url: \"\(weir)\", branch: \"main\")" : ".package(name: \"weir\", path: \"\(weir)\")"
    }

    /// Path in the package → text.
    package var files: [String: String] {
        [
            "Package.swift": package, "Sources/\(name)/App.swift": app, "Sources/\(name)/WordCount.swift": job,
            "Tests/\(name)-tests/WordCountTests.swift": test, "words.txt": "to be or not to be\n",
            ".gitignore": ".build\ncheckpoints\ndata\n", "README.md": readme,
        ]
    }

    private var package: String {
        """
        // swift-tools-version: 6.2
        import PackageDescription

        let package = Package(
            name: "\(name)",
            platforms: [.macOS(.v15)],
            dependencies: [\(dependency)],
            targets: [
                .executableTarget(
                    name: "\(name)",
                    dependencies: [
                        .product(name: "WeirKit", package: "weir"),
                        .product(name: "ControlPlane", package: "weir"),
                        .product(name: "StreamRuntime", package: "weir"),
                        .product(name: "ConnectorFiles", package: "weir"),
                    ]),
                .testTarget(
                    name: "\(name)-tests",
                    dependencies: [
                        "\(name)",
                        .product(name: "StreamRuntime", package: "weir"),
                        .product(name: "StreamRuntimeTesting", package: "weir"),
                    ]),
            ]
        )

        """
    }

    private var app: String {
        """
        import ControlPlane
        import WeirKit

        @main struct App: WeirApplication {
            static let jobs: [any ConfiguredJob.Type] = [WordCount.self]
            static let extraCommands = ControlCommands.all(for: App.self)
        }

        """
    }

    private var job: String {
        """
        import ConnectorFiles
        import StreamRuntime
        import WeirKit

        /// Counts the words of a text, and prints every count as it grows.
        struct WordCount: ConfiguredJob {
            static let name = "word-count"
            static let summary = "Counts the words of a text file."
            static let file = Setting.string("word-count.file", default: "words.txt", help: "The text to read.")
            static let configurationKeys = [file.key]

            let path: String

            init(_ configuration: Configuration, _ environment: ApplicationEnvironment) {
                path = configuration[Self.file]
            }

            func build(_ flow: Flow) { countWords(flow, from: TextFileSource(lines: path), to: PrintSink()) }
        }

        /// Source and sink are given, so that a test can put others in their place.
        package func countWords<Lines: Source, Counts: Sink>(_ flow: Flow, from lines: Lines, to counts: Counts)
        where Lines.Element == String, Counts.Element == String {
            flow.source(lines, id: "lines")
                .flatMap { $0.lowercased().split { !$0.isLetter }.map(String.init) }.id("words")
                .keyed(by: { $0 })
                .fold(0) { count, _ in count += 1 }.id("counts")
                .map { "\\($0.key) \\($0.value)" }
                .sink(counts)
        }

        """
    }

    private var test: String {
        """
        import StreamRuntime
        import StreamRuntimeTesting
        import Testing

        import \(module)

        @Suite struct WordCountTests {
            /// Also when it crashes on the way: what was decided is neither lost nor counted twice.
            @Test func everyWordIsCountedOnce() throws {
                let lines = TestSource<String>()
                let counts = CollectSink<String>()
                let test = try JobTest(TestSetup(parallelism: 2)) { countWords($0, from: lines, to: counts) }
                lines.push("to be or not")
                try test.checkpoint()
                lines.push("to be")
                try test.run()
                try test.crashAndRestore()
                try test.finish()
                #expect(counts.elements.sorted() == ["be 1", "be 2", "not 1", "or 1", "to 1", "to 2"])
            }
        }

        """
    }

    private var readme: String {
        """
        # \(name)

            swift build -c release
            .build/release/\(name) run word-count             # in this process
            .build/release/\(name) server &                   # or under a server:
            .build/release/\(name) submit word-count
            .build/release/\(name) list

        `Sources/\(name)/WordCount.swift` is the job; `swift test -c release` runs its test.

        """
    }
}
