/// Gives records their event time and makes watermarks, one generator a split.
///
/// G1. The watermark put out never falls, also over a restart: what each split had reached is part of the snapshot.
/// G2. It is the least over the splits that are neither idle nor ended; a split that has brought nothing yet holds it back.
/// G3. A split is idle only when the reader could have brought something: two looks in a row, with a step of the reader
///     between them, found nothing, and it was not paused by its alignment.
public struct AssignWatermarks<G: WatermarkGenerator>: Operator {
    public typealias Input = G.Element
    public typealias Output = G.Element

    @usableFromInline let millis: @Sendable (G.Element) -> Int64
    @usableFromInline let recordTime: RecordTime
    @usableFromInline let splits: SplitCursor
    /// By the cursor's splits. Owned by the operator; freed on `close`.
    @usableFromInline let generators: UnsafeMutablePointer<G>
    @usableFromInline let hasRecords: UnsafeMutablePointer<Bool>
    @usableFromInline let isEveryRecord: Bool
    @usableFromInline var progress: SplitProgress

    @inlinable init(
        context: OperatorContext, strategy: WatermarkStrategy<G>, millis: @escaping @Sendable (G.Element) -> Int64
    ) throws {
        self.millis = millis
        recordTime = context.services.recordTime
        splits = context.services.splits
        isEveryRecord = strategy.options.isEveryRecord
        progress = try SplitProgress(context: context, splits: splits, options: strategy.options)
        generators = .allocate(capacity: splits.ids.count)
        hasRecords = .allocate(capacity: splits.ids.count)
        for index in splits.ids.indices {
            (generators + index).initialize(to: strategy.make())
            (hasRecords + index).initialize(to: false)
        }
    }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: G.Element, into down: inout Down) throws
    where Down.Element == G.Element {
        let time = millis(input)
        let split = splits.current.pointee
        recordTime.millis = time
        generators[split].observe(input, at: time)
        hasRecords[split] = true
        try down.collect(input)
        if isEveryRecord { try emit(into: &down) }
    }

    @inlinable public mutating func flush<Down: Collector>(into down: inout Down) throws
    where Down.Element == G.Element { try emit(into: &down) }

    @inlinable public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == G.Element {
        try emit(into: &down)
    }

    @usableFromInline mutating func emit<Down: Collector>(into down: inout Down) throws where Down.Element == G.Element {
        for index in splits.ids.indices {
            progress.observe(index, generators[index].watermark, hasRecords: hasRecords[index])
            hasRecords[index] = false
        }
        switch progress.advance() {
        case .watermark(let time): try down.handle(.watermark(time))
        case .idle: try down.handle(.idle)
        case nil: break
        }
    }

    /// Event time begins here; only its end comes from further up.
    public mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws
    where Down.Element == G.Element {
        if time == .max { try down.handle(.watermark(progress.end())) }
    }

    public mutating func idle<Down: Collector>(into down: inout Down) throws where Down.Element == G.Element {}

    public mutating func barrier(_ snapshot: TaskSnapshot) throws { progress.snapshot(into: snapshot) }

    public mutating func close() {
        progress.close()
        generators.deinitialize(count: splits.ids.count)
        generators.deallocate()
        hasRecords.deallocate()
    }
}
