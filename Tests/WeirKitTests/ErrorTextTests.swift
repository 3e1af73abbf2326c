import Foundation
import TestKit
import Testing
import WeirKit

@Suite struct ErrorTextTests {
    private let folder = TemporaryFolder()

    @Test func foundationsErrorsSayWhatTheSystemSaid() throws {
        let file = try folder.write("file", "")
        let below = #expect(throws: CocoaError.self) {
            try FileManager.default.createDirectory(atPath: file + "/x", withIntermediateDirectories: true)
        }
        #expect(ErrorText.of(try #require(below)) == "Not a directory")
        let missing = #expect(throws: (any Error).self) { try FileManager.default.removeItem(atPath: folder.path + "/none") }
        #expect(ErrorText.of(try #require(missing)) == "No such file or directory")
        let handle = try #require(FileHandle(forReadingAtPath: folder.path))
        let read = #expect(throws: (any Error).self) { try handle.read(upToCount: 1) }
        #expect(ErrorText.of(try #require(read)) == "Is a directory")
    }

    @Test func anErrorOfOurOwnSaysWhatItSays() {
        #expect(ErrorText.of(CommandFailure("nothing there")) == "nothing there")
    }
}
