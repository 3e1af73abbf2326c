import Foundation
import StreamRuntime
import Testing
import UntrustedJSON

/// Foundation traps on these: a test that gets as far as its expectation has passed.
@Suite struct UntrustedJSONTests {
    private func nested(_ depth: Int) -> Data { Data((String(repeating: #"{"a":["#, count: depth / 2)).utf8) }

    @Test(arguments: [34, 500, 512, 514, 1024, 100_000]) func whatIsNestedTooDeeplyIsNothing(_ depth: Int) {
        #expect(UntrustedJSON.object(nested(depth)) == nil)
        #expect(throws: DecodingError.self) { try UntrustedJSON.decode([String: Int].self, from: nested(depth)) }
    }

    @Test func objectsAreReadAndNothingElse() {
        #expect(UntrustedJSON.object(Data(#"{"a":[[[1]]]}"#.utf8))?.keys.first == "a")
        for text in ["", "[]", "1", "{", #"{"a":}"#] { #expect(UntrustedJSON.object(Data(text.utf8)) == nil) }
    }

    private struct Entry: CodableState { var a: [Int] }

    @Test(arguments: [514, 1024, 100_000]) func storedStatesAreNoException(_ depth: Int) {
        var writer = ByteWriter()
        writer.sized([UInt8](nested(depth)))
        writer.withBytes { bytes in
            var reader = ByteReader(bytes)
            #expect(throws: StateDecodingError.self) { try Entry(from: &reader) }
        }
    }
}
