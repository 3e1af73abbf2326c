import Trading

extension ExecutionRecord {
    private static let layoutVersion: UInt8 = 1

    /// The stored form: the expiry where `ExpiryFilter` looks for it.
    package func encodeBinary() -> [UInt8] {
        var writer = BinaryWriter(version: ExecutionRecord.layoutVersion, reservingBytes: 192)
        writer.int64(expiresAtMillis)
        writer.int64(source.offset)
        writer.int32(source.partition)
        writer.text(source.topic)
        outcome.encodeBinary(into: &writer)
        return writer.bytes
    }

    /// Reads the stored form. `bytes` are not kept.
    package static func decodeBinary(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> ExecutionRecord {
        var reader = try BinaryReader(bytes, version: layoutVersion)
        let expiresAtMillis = try reader.int64()
        let offset = try reader.int64()
        let partition = try reader.int32()
        let source = SourcePosition(topic: try reader.text(), partition: partition, offset: offset)
        let outcome = try Outcome.decodeBinary(from: &reader)
        try reader.expectEnd()
        return ExecutionRecord(outcome: outcome, source: source, expiresAtMillis: expiresAtMillis)
    }
}
