import Foundation
import TestKit
import Testing
import WeirKit

@Suite struct RotatedFileTests {
    private let folder = TemporaryFolder()
    private var path: String { "\(folder.path)/job.log" }

    /// A file with a descriptor of the test's own, which `body` is given to write to.
    private func withFile(kept: Int, _ body: (RotatedFile, _ write: (String) -> Void) throws -> Void) throws {
        let descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let file = RotatedFile(path, filesKept: kept, descriptors: [descriptor])
        #expect(file.open() == nil)
        try body(file) { text in
            let bytes = Array(text.utf8)
            #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        }
    }

    private func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: "\(folder.path)/\(name)").map { String(decoding: $0, as: UTF8.self) }
    }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }

    @Test func aFileIsSetAsideAndTheOldestIsForgotten() throws {
        try folder.write("job.log", "zero\n")
        try withFile(kept: 3) { file, write in
            for line in ["one\n", "two\n", "three\n"] {
                write(line)
                #expect(file.setAside() == nil)
            }
            write("four\n")
        }
        #expect(try names() == ["job.log", "job.log.1", "job.log.2"])
        #expect(text("job.log") == "four\n")
        #expect(text("job.log.1") == "three\n")
        #expect(text("job.log.2") == "two\n")
    }

    @Test func oneFileBeginsAnew() throws {
        try withFile(kept: 1) { file, write in
            write("one\n")
            #expect(file.setAside() == nil)
            write("two\n")
        }
        #expect(try names() == ["job.log"])
        #expect(text("job.log") == "two\n")
    }

    @Test func nothingIsSetAsideWithoutAFileToGoOnWith() throws {
        try folder.write("job.log.1", "older\n")
        let obstacle = "\(folder.path)/job.log.new"
        try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
        try withFile(kept: 3) { file, write in
            write("one\n")
            for _ in 0..<3 { #expect(file.setAside() == EISDIR) }
            write("two\n")
            #expect(text("job.log") == "one\ntwo\n")
            #expect(text("job.log.1") == "older\n")
            #expect(rmdir(obstacle) == 0)
            #expect(file.setAside() == nil)
            write("three\n")
        }
        #expect(text("job.log") == "three\n")
        #expect(text("job.log.1") == "one\ntwo\n")
        #expect(text("job.log.2") == "older\n")
    }
}
