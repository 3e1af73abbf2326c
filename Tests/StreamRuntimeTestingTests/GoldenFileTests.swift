import Foundation
import StreamRuntimeTesting
import TestKit
import Testing

@Suite struct GoldenFileTests {
    private let folder = TemporaryFolder()

    @Test func recordedLinesAreExpectedAgain() throws {
        let file = GoldenFile(path: "\(folder.path)/deep/lines.txt")
        for lines in [["a", "", "b "], [], [""], ["one line"]] {
            try file.expect(lines, isRecording: true)
            try file.expect(lines, isRecording: false)
            #expect(throws: GoldenMismatch.self) { try file.expect(lines + ["more"], isRecording: false) }
        }
    }

    @Test func theDifferenceIsShownWithAFewLinesAroundIt() throws {
        let file = GoldenFile(path: "\(folder.path)/lines.txt")
        try file.expect((1...20).map(String.init), isRecording: true)
        let found = (1...20).filter { $0 != 7 }.map { $0 == 15 ? "fifteen" : String($0) } + ["21"]
        let mismatch = try #require(throws: GoldenMismatch.self) { try file.expect(found, isRecording: false) }
        let difference = """
             …
             5
             6
            -7
             8
             9
             …
             13
             14
            -15
            +fifteen
             16
             17
             …
             19
             20
            +21
            """
        #expect(mismatch.difference.joined(separator: "\n") == difference)
        #expect(mismatch.description.contains("WEIR_TEST_RECORD_GOLDEN=1"))
    }

    @Test func aMissingFileSaysHowToRecordIt() throws {
        let mismatch = try #require(throws: GoldenMismatch.self) {
            try expectGolden(["a"], file: "golden/there-is-none.txt")
        }
        #expect(mismatch.path.hasSuffix("StreamRuntimeTestingTests/golden/there-is-none.txt"))
    }
}
