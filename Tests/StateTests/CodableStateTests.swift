import StreamRuntime
import Testing

@Suite struct CodableStateTests {
    /// A type as a former version of a program had it, and as later ones have it (docs/state.md).
    enum Former {
        struct Trip: CodableState {
            var stops: Int
            var driver: String
        }
    }
    enum Later {
        struct Trip: CodableState, Equatable {
            var stops: Int
            var note: String?
        }
    }
    enum Broken {
        struct Trip: CodableState {
            var stops: Int
            var kilometres: Double
        }
    }
    struct Journey: CodableState {
        static var stateSchema: String { "json:Trip" }
        var stops: Int
    }

    @Test func anOptionalPropertyMoreAndAPropertyLessAreRead() throws {
        #expect(Former.Trip.stateSchema == Later.Trip.stateSchema && Journey.stateSchema == Former.Trip.stateSchema)
        #expect(try Self.read(Later.Trip.self) == Later.Trip(stops: 3, note: nil))
        #expect(try Self.read(Journey.self).stops == 3)
        #expect(throws: StateDecodingError.self) { try Self.read(Broken.Trip.self) }
    }

    private static func read<Value: StateCodable>(_ type: Value.Type) throws -> Value {
        var writer = ByteWriter()
        Former.Trip(stops: 3, driver: "ann").encode(into: &writer)
        return try writer.withBytes { bytes in
            var reader = ByteReader(bytes)
            return try Value(from: &reader)
        }
    }

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
