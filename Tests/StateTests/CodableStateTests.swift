import StreamRuntime
import Testing

@Suite struct CodableStateTests {
    struct Reading: CodableState {
        var name: String
        var values: [Double]
    }

    /// JSON has no numbers for them, and encoding state cannot fail.
    @Test func floatingPointValuesThatAreNoNumbersAreKept() throws {
        let reading = Reading(name: "NaN", values: [.infinity, -.infinity, .nan, 1.5])
        var writer = ByteWriter()
        reading.encode(into: &writer)
        let read = try writer.withBytes { bytes in
            var reader = ByteReader(bytes)
            return try Reading(from: &reader)
        }
        #expect(read.name == "NaN")
        #expect(read.values.map(\.description) == ["inf", "-inf", "nan", "1.5"])
    }
}
