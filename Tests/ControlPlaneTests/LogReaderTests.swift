import ControlPlane
import Foundation
import TestKit
import Testing

@Suite struct LogReaderTests {
    private let folder = TemporaryFolder()

    @Test func aReaderFollowsALogThroughItsRotation() throws {
        let path = try folder.write("job.log", "one\n")
        let first = try LogReader.read(path, from: nil)
        #expect(String(decoding: first.bytes, as: UTF8.self) == "one\n")
        try append("two\n", path)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        try folder.write("job.log", "three\n")
        let second = try LogReader.read(path, from: first.next)
        #expect(String(decoding: second.bytes, as: UTF8.self) == "two\n")
        let third = try LogReader.read(path, from: second.next)
        #expect(String(decoding: third.bytes, as: UTF8.self) == "three\n")
        let last = try LogReader.read(path, from: third.next)
        #expect(last.bytes.isEmpty && last.next == third.next)
    }

    @Test func aLogThatWasEmptiedIsReadFromItsBeginning() throws {
        let path = try folder.write("job.log", "one\ntwo\n")
        let first = try LogReader.read(path, from: nil)
        #expect(truncate(path, 0) == 0)
        let none = try LogReader.read(path, from: first.next)
        #expect(none.bytes.isEmpty)
        try append("three\n", path)
        #expect(String(decoding: try LogReader.read(path, from: none.next).bytes, as: UTF8.self) == "three\n")
        // Not looked at in between.
        #expect(String(decoding: try LogReader.read(path, from: first.next).bytes, as: UTF8.self) == "three\n")
    }

    @Test func aPlaceIsFoundWhileFilesAreSetAside() throws {
        let path = try folder.write("job.log", "one\n")
        let first = try LogReader.read(path, from: nil)
        try append("two\n", path)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".2")
        try folder.write("job.log", "three\n")
        #expect(String(decoding: try LogReader.read(path, from: first.next).bytes, as: UTF8.self) == "two\n")
    }

    @Test func aPlaceThatIsGoneIsTheOldestThereIs() throws {
        let path = try folder.write("job.log", "new\n")
        try folder.write("job.log.1", "older\n")
        let chunk = try LogReader.read(path, from: "1-77")
        #expect(String(decoding: chunk.bytes, as: UTF8.self) == "older\n")
    }

    @Test func theFirstReadIsTheTailInWholeLines() throws {
        let line = String(repeating: "x", count: 99) + "\n"
        let path = try folder.write("job.log", String(repeating: line, count: 2000))
        let text = String(decoding: try LogReader.read(path, from: nil).bytes, as: UTF8.self)
        #expect(text.count <= LogReader.tailBytes && text.count > LogReader.tailBytes - 100)
        #expect(text.count % 100 == 0)
    }

    @Test func aLogThatIsNotThereYetIsEmptyAndABadCursorRefused() throws {
        let path = folder.path + "/none.log"
        let chunk = try LogReader.read(path, from: nil)
        #expect(chunk.bytes.isEmpty)
        #expect(try LogReader.read(path, from: chunk.next).bytes.isEmpty)
        for cursor in ["", "x", "1", "1-", "1--2", "1-2-3"] {
            #expect(throws: ControlError.self, "\(cursor)") { try LogReader.read(path, from: cursor) }
        }
    }

    private func append(_ text: String, _ path: String) throws {
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }
}
