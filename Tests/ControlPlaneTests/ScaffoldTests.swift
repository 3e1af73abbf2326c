import ControlPlane
import Foundation
import Testing

@Suite struct ScaffoldTests {
    @Test func aNewPackageHasAJobItsTestAndTheCommands() {
        let files = Scaffold(name: "my-jobs", weir: "/weir").files
        #expect(
            files.keys.sorted() == [
                ".gitignore", "Package.swift", "README.md", "Sources/my-jobs/App.swift", "Sources/my-jobs/WordCount.swift",
                "Tests/my-jobs-tests/WordCountTests.swift", "words.txt",
            ])
        #expect(files["Package.swift"]?.contains(".package(name: \"weir\", path: \"/weir\")") == true)
        #expect(files["Tests/my-jobs-tests/WordCountTests.swift"]?.contains("import my_jobs\n") == true)
        #expect(files["Sources/my-jobs/WordCount.swift"]?.contains("\"\\($0.key) \\($0.value)\"") == true)
        let url = Scaffold(name: "a", weir: "https://example.com/weir.git").files["Package.swift"]
        #expect(url?.contains(".package(url: \"https://example.com/weir.git\", branch: \"main\")") == true)
    }

    /// A path counts from where the command runs, not from inside the package; what is no checkout is refused at once.
    @Test func whereWeirIsMayBeARelativePath() async throws {
        let harness = ServerHarness()
        try FileManager.default.createDirectory(atPath: harness.folder.path + "/w", withIntermediateDirectories: true)
        let refused = try await harness.run(["init", "my-jobs", "--weir", "w"])
        #expect(refused.code == 2 && refused.errors.contains("/w is no checkout of Weir"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: harness.folder.path + "/my-jobs"))
        try Data("let package = Package(\n    name: \"weir\",\n)\n".utf8)
            .write(to: URL(fileURLWithPath: harness.folder.path + "/w/Package.swift"))
        let made = try await harness.run(["init", "my-jobs", "--weir", "w"])
        #expect(made.code == 0, "\(made.errors)")
        let package = try String(contentsOfFile: harness.folder.path + "/my-jobs/Package.swift", encoding: .utf8)
        let path = try #require(package.firstMatch(of: #/path: "(.+)"/#)?.1)
        #expect(path.hasPrefix("/") && path.hasSuffix("/w"), "\(path)")
    }

    @Test func namesThatSwiftOrTheShellWouldNotTakeAreRefused() {
        for name in ["a", "my-jobs", "jobs2"] { #expect(Scaffold.isName(name)) }
        for name in ["", "2a", "-a", "A", "a b", "a/b", "../a", "ä", String(repeating: "a", count: 51)] {
            #expect(!Scaffold.isName(name), "\(name)")
        }
    }
}
