import StreamRuntime

// Encodings of keyed state.
extension FuzzTarget {
    static func state() -> [FuzzTarget] { [storedValue, stateCodecs] }

    /// A schema's name with its length before it, then bytes of it: what stands in checkpoints of jobs nobody knows.
    private static let storedValue = FuzzTarget(
        "stored-value",
        examples: [
            example("utf8", "text"), example("i64", Int64(-1)), example("[utf8:f64]", ["a": 1.0]),
            example("[i32?]", [Int32(1), nil]),
            example("ttl(u16)", Int64(9)), example("pair(bool,utf8)", true), example("timer2:utf8", Int64(1)),
            example("window1:i64", Int64(1)), example("average(f64,i64)", 1.0), example("json:Thing", "{}"),
        ], words: ["[", "]", "?", "pair(", ",", ")", "ttl(", "[unit]", "whole", "utf8", "i64", "json:", "timer2:", "window1:"]
    ) { bytes in
        guard let count = bytes.first else { return }
        let schema = String(decoding: bytes.dropFirst().prefix(Int(count) * 8).prefix { $0 != 0x20 }, as: UTF8.self)
        let value = bytes.dropFirst(1 + Int(count) * 8).withUnsafeBytes { StoredValue($0, schema: schema) }
        _ = (value.jsonText, value.plainText)
    }

    /// The length counts eights, so that schemas can be long.
    private static func example(_ schema: String, _ value: some StateCodable) -> [UInt8] {
        let padded = Array(schema.utf8) + Array(repeating: 0x20, count: (8 - schema.utf8.count % 8) % 8)
        var writer = ByteWriter()
        value.encode(into: &writer)
        return [UInt8(padded.count / 8)] + padded + writer.bytes
    }

    /// The first byte chooses the type.
    private static let stateCodecs = FuzzTarget(
        "state-codecs",
        examples: codecs.indices.flatMap { index in
            codecs[index].examples.map { [UInt8(index)] + $0 }
        }
    ) { bytes in
        guard let chosen = bytes.first else { return }
        try bytes.dropFirst().withUnsafeBytes { try codecs[Int(chosen) % codecs.count].read($0) }
    }

    private struct Codec: Sendable {
        let examples: [[UInt8]]
        let read: @Sendable (UnsafeRawBufferPointer) throws -> Void

        /// `hasOneForm`: what was read writes itself in the same way each time.
        init<Value: StateCodable>(_: Value.Type, _ examples: [Value] = [], hasOneForm: Bool = true) {
            self.examples = examples.map { Codec.bytes($0) } + [[UInt8](repeating: 0, count: 40)]
            read = { bytes in
                var reader = ByteReader(bytes)
                let written = Codec.bytes(try Value(from: &reader))
                let again = try written.withUnsafeBytes { bytes in
                    var reader = ByteReader(bytes)
                    return Codec.bytes(try Value(from: &reader))
                }
                if hasOneForm, again != written { throw Broken("\(Value.self): \(written) is read as \(again)") }
            }
        }

        static func bytes(_ value: some StateCodable) -> [UInt8] {
            var writer = ByteWriter()
            value.encode(into: &writer)
            return writer.bytes
        }
    }

    private static let codecs: [Codec] = [
        Codec(String.self, ["text"]), Codec([Int32?].self, [[1, nil]]),
        Codec([String: [Int]].self, [["a": [1]]], hasOneForm: false),
        Codec(Timed<String>.self), Codec(Bool.self, [true]), Codec(Double.self, [1.5]),
        Codec(Cut<Int32, String>.self, [Cut(partition: 1, firstOffset: 2, lastOffset: 3, elements: ["a"])]),
        Codec(
            WindowResult<String, Int>.self, [WindowResult(key: "k", value: 1, window: TimeWindow(start: 0, end: 1000))]),
        Codec(SliceList<Int>.self), Codec(SessionList<Int>.self), Codec(CountList<Int>.self), Codec(TriggerState.self),
        Codec(PatternState<String>.self), Codec(BothSides<String, Int>.self), Codec(WholeStream.self),
    ]
}
