import TestKit
import Testing
import WeirKit

@Suite struct ControlFileTests {
    /// Whoever watches a job reads them, and Foundation traps on what is nested too deeply: a test that gets to its end has passed.
    @Test func whatIsNoControlFileIsNone() throws {
        let folder = TemporaryFolder()
        #expect(ControlFile.read(folder.path + "/gone") == nil)
        let deep = [513, 514, 100_000].map { String(repeating: "[", count: $0) } + [String(repeating: #"{"end":["#, count: 257)]
        for text in ["", "{}", "[]"] + deep {
            #expect(ControlFile.read(try folder.write("control", text)) == nil)
        }
    }
}
