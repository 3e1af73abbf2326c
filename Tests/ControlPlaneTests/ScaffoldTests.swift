import ControlPlane
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

    @Test func namesThatSwiftOrTheShellWouldNotTakeAreRefused() {
        for name in ["a", "my-jobs", "jobs2"] { #expect(Scaffold.isName(name)) }
        for name in ["", "2a", "-a", "A", "a b", "a/b", "../a", "ä", String(repeating: "a", count: 51)] {
            #expect(!Scaffold.isName(name), "\(name)")
        }
    }
}
