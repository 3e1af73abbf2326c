/// A batching sink whose records are encoded as they are written, on the task thread: so that batches are bounded by real
/// bytes, and what waits is small.
public struct EncodedSink<Element, Encoded: Sendable>: Sink {
    public typealias Encode = @Sendable (Element) throws -> Encoded

    private let base: BatchingSink<Encoded>
    private let encode: Encode

    public init(into base: BatchingSink<Encoded>, encode: @escaping Encode) {
        self.base = base
        self.encode = encode
    }

    public func makeWriter(_ context: SinkWriterContext) -> EncodedWriter<Element, Encoded> {
        EncodedWriter(base: base.makeWriter(context), encode: encode)
    }
}

/// One subtask of an `EncodedSink`. Owned by one task thread.
public struct EncodedWriter<Element, Encoded: Sendable>: SinkWriter {
    var base: BatchingWriter<Encoded>
    let encode: @Sendable (Element) throws -> Encoded

    public var isReady: Bool { base.isReady }
    public mutating func write(_ element: Element) throws { try base.write(try encode(element)) }
    public mutating func flush() throws { try base.flush() }
    public mutating func endEpoch(_ epoch: Epoch) throws { try base.endEpoch(epoch) }
    public func isAcknowledged(through epoch: Epoch) throws -> Bool { try base.isAcknowledged(through: epoch) }
    public mutating func close() { base.close() }
}
