import Foundation
import TestKit
import Testing

/// What the README shows is what is compiled and run: the example's files stand in it word for word.
@Suite struct ReadmeTests {
    private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test(arguments: ["Examples/first-job/Sources/first-job/WordCount.swift", "Examples/first-job/Package.swift"])
    func theReadmeShowsTheExample(_ path: String) throws {
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let code = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
        #expect(readme.contains("<!-- \(path) -->\n```swift\n\(code)```"))
    }

    @Test func theFirstJobCountsWords() throws {
        let folder = TemporaryFolder()
        try folder.write("words.txt", "to be or not to be\nto be\n")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("first-job"))
        process.arguments = ["run", "word-count", "--metrics-port", "0", "--checkpoint-dir", folder.path + "/checkpoints"]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(text.split(separator: "\n").sorted() == ["be 1", "be 2", "be 3", "not 1", "or 1", "to 1", "to 2", "to 3"])
    }
}
