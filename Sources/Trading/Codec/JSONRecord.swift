/// A value with a JSON form on a topic.
///
/// Decoding: fields in any order, blanks allowed, unknown fields skipped whatever they hold, a known field
/// given twice refused, integers strictly integers of 64 bits, strict UTF-8, nothing after the object,
/// `null` only where a field may be missing. Encoding: no blanks, fields in the contract's order.
public protocol JSONRecord: Sendable {
    /// Reads one record. `bytes` are not kept. Cost: well under a microsecond (`CodecCostTests` prints it).
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Self

    /// Appends the record's JSON. Cost: about half of reading it.
    func encode(into output: inout [UInt8])
}

extension JSONRecord {
    /// Reads one record from an array.
    public static func decode(_ bytes: [UInt8]) throws(DecodingFailure) -> Self {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(DecodingFailure) in try decode(buffer) }
        }
        return try result.get()
    }

    /// The record's JSON as a fresh array.
    public func encoded() -> [UInt8] {
        var output: [UInt8] = []
        encode(into: &output)
        return output
    }
}
