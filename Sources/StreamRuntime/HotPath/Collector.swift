/// What an operator hands its results to: the next operator of the fused chain, or the chain's end.
///
/// Chains are values nested in one another and specialised by the compiler, so that `collect` is a
/// direct, usually inlined call. Owned by one task thread.
public protocol Collector<Element>: SendableMetatype {
    associatedtype Element

    mutating func collect(_ element: Element) throws

    /// Whether `prefetch` does anything: a constant of the type, so that loops leave out what does nothing.
    static var prefetches: Bool { get }

    /// `element` will be collected soon: what it needs is brought into the processor's cache. Changes nothing.
    func prefetch(_ element: Element)

    /// These elements will be collected next: what they need from disk is read, of all of them together. Once a batch.
    func readAhead(_ elements: UnsafeBufferPointer<Element>)

    /// Everything that is not data: barriers, timers, flushes. Once per batch at most, never per record.
    mutating func handle(_ signal: ChainSignal) throws
}

extension Collector {
    @inlinable public static var prefetches: Bool { false }
    @inlinable public func prefetch(_ element: Element) {}
    @inlinable public func readAhead(_ elements: UnsafeBufferPointer<Element>) {}
}

/// What reaches every operator of a chain, in order from the first to the last, between records.
public enum ChainSignal {
    /// Snapshot yourself into this; what follows belongs to the next epoch.
    case barrier(TaskSnapshot)
    /// Time has passed, or mail for an operator has arrived: fire timers, emit asynchronous results.
    case tick(wallMillis: Int64)
    /// No record at or before this event time is expected any more. Never falls.
    case watermark(Int64)
    /// Every input is idle: event time waits for nobody here until the next watermark.
    case idle
    /// Tells the operators how long records take to reach them.
    case marker(LatencyMarker)
    /// The input is idle, or a few milliseconds have passed: hand on what is buffered.
    case flush
    /// The epoch with these positions is decided.
    case decided(Epoch)
    /// No more records will come.
    case close
}
