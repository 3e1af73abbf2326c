import Foundation
import TestKit
import Testing

@Suite(.serialized)
struct FuzzTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let corpus = "\(root)/Tests/FuzzTests/Corpus"

    private let folder = TemporaryFolder()

    /// Runs weir-fuzz to its end.
    private func fuzz(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let output = "\(folder.path)/output"
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("weir-fuzz"))
        process.arguments = arguments + ["--findings", "\(folder.path)/findings"]
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = process.standardOutput
        try process.run()
        process.waitUntilExit()
        return (
            process.terminationStatus, String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
        )
    }

    @Test("neither the corpus nor 3 000 mutations break anything that reads bytes from outside")
    func nothingBreaks() throws {
        let (code, output) = try fuzz(["--inputs", "3000", "--seconds", "600", "--corpus", Self.corpus])
        print(output)
        #expect(code == 0, "\(output)")
        #expect(output.contains(": 0 findings"))
    }

    @Test("every folder of the corpus is that of a target")
    func corpusIsUsed() throws {
        for target in try FileManager.default.contentsOfDirectory(atPath: Self.corpus) {
            let (code, output) = try fuzz(["--target", target, "--inputs", "1", "--corpus", Self.corpus])
            #expect(code == 0, "\(output)")
        }
    }

    @Test(
        "a decoder that fails is reported, with its input",
        arguments: [
            ("trap", "trapped"), ("hang", "hung for 10 s"), ("memory", "trapped"), ("recursion", "out of stack"),
            ("broken", "broken: as it was asked for"),
        ])
    func failuresAreReported(_ input: String, _ report: String) throws {
        try FileManager.default.createDirectory(atPath: "\(folder.path)/self-test", withIntermediateDirectories: true)
        try Data(input.utf8).write(to: URL(fileURLWithPath: "\(folder.path)/self-test/input"))
        let (code, output) = try fuzz([
            "--target", "self-test", "--inputs", "2", "--input-seconds", "10", "--corpus", folder.path,
        ])
        #expect(code == 1)
        #expect(output.contains(report), "\(output)")
        let findings = "\(folder.path)/findings/self-test"
        let kept = try FileManager.default.contentsOfDirectory(atPath: findings)
        #expect(kept.map { FileManager.default.contents(atPath: "\(findings)/\($0)") } == [Data(input.utf8)])
    }
}
