extension Stream where Element: StateCodable & Sendable {
    /// Cuts the records of each source partition into pieces that a replay cuts in the same way, so that an outside system
    /// can recognise a piece it has by its partition and range.
    ///
    ///     trades.cuts(BatchLimits(countMax: 10_000, ageMax: .seconds(1))) { ($0.partition, $0.offset) }
    ///         .sink(ClickHouseSink(…))
    ///
    /// A full cut goes on at once. One that ends because of its age ends at a barrier and goes on when that epoch is decided,
    /// a checkpoint interval later; a full one behind it waits with it, and the stream with that. Between the source and here no
    /// operator may bring records of a partition out of order.
    /// What is held is part of every checkpoint; there is no event time behind.
    @inlinable public func cuts<Partition: Hashable & StateCodable & Sendable>(
        _ limits: BatchLimits, weight: @escaping @Sendable (Element) -> Int = { _ in 1 },
        at position: @escaping @Sendable (Element) -> (partition: Partition, offset: Int64)
    ) -> Stream<Stage<C, Cuts<Partition, Element>>> {
        stage("cuts", .stateful) { try Cuts(context: $0, limits: limits, weight: weight, position: position) }
    }
}

/// `Stream.cuts`.
public struct Cuts<Partition: Hashable & StateCodable & Sendable, Element: StateCodable & Sendable>: Operator {
    public typealias Input = Element
    public typealias Output = Cut<Partition, Element>

    private let services: TaskServices
    private let clock: any RuntimeClock
    private let weight: @Sendable (Element) -> Int
    private let position: @Sendable (Element) -> (partition: Partition, offset: Int64)
    private let stored: OperatorListState<StoredCut<Partition, Element>>
    private var table: CutTable<Partition, Element>
    private var isPending = false
    private var hold = RecordHold()

    @usableFromInline init(
        context: OperatorContext, limits: BatchLimits, weight: @escaping @Sendable (Element) -> Int,
        position: @escaping @Sendable (Element) -> (partition: Partition, offset: Int64)
    ) throws {
        services = context.services
        clock = context.clock
        self.weight = weight
        self.position = position
        table = CutTable(limits)
        stored = try context.listState("cuts", StoredCut<Partition, Element>.self, redistribution: .split)
        for item in stored.elements {
            table.restore(item.cut, hasEnded: item.hasEnded, weight: weight) { [clock] in clock.monotonicNanos() }
        }
        stored.elements = []
        updatePending()
        if isPending { services.requestTick() }  // cuts that had ended leave with the first tick
    }

    public mutating func process<Down: Collector>(_ input: Element, into down: inout Down) throws
    where Down.Element == Output {
        let (partition, offset) = position(input)
        let full = table.add(input, of: partition, offset: offset, weight: weight(input)) { [clock] in
            clock.monotonicNanos()
        }
        updatePending()
        hold.set(table.isHolding, services)
        if let full { try down.collect(full) }
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        table.barrier(snapshot.epoch, nowNanos: clock.monotonicNanos())
        stored.elements = table.contents.map { StoredCut(hasEnded: $0.hasEnded, cut: $0.cut) }
    }

    public mutating func decided<Down: Collector>(_ epoch: Epoch, into down: inout Down) throws
    where Down.Element == Output {
        stored.elements = []
        try leave(epoch, into: &down)
    }

    public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == Output { try leave(.genesis, into: &down) }

    private mutating func leave<Down: Collector>(_ epoch: Epoch, into down: inout Down) throws
    where Down.Element == Output {
        for cut in table.decided(epoch) { try down.collect(cut) }
        updatePending()
        hold.set(table.isHolding, services)
    }

    /// A job that is stopped goes on with its epochs until every cut has left.
    private mutating func updatePending() {
        guard isPending == table.isEmpty else { return }
        isPending.toggle()
        services.pending += isPending ? 1 : -1
    }
}

/// A cut as it stands in checkpoints.
struct StoredCut<Partition: Hashable & StateCodable & Sendable, Element: StateCodable & Sendable>: StateCodable {
    let hasEnded: Bool
    let cut: Cut<Partition, Element>

    init(hasEnded: Bool, cut: Cut<Partition, Element>) {
        self.hasEnded = hasEnded
        self.cut = cut
    }

    static var stateSchema: String { "stored-\(Cut<Partition, Element>.stateSchema)" }

    func encode(into writer: inout ByteWriter) {
        hasEnded.encode(into: &writer)
        cut.encode(into: &writer)
    }

    init(from reader: inout ByteReader) throws {
        hasEnded = try Bool(from: &reader)
        cut = try Cut(from: &reader)
    }
}
