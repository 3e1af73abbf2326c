/// Consecutive records of one source partition, to be written as one: a replay makes the same cuts again, so that its name
/// lets an outside system recognise what it has.
public struct Cut<Partition: Hashable & Sendable, Element: Sendable>: Sendable {
    /// The partition of the source.
    public let partition: Partition
    /// Offsets of the first and the last record in the cut; between them there may be others that are not in it.
    public let firstOffset: Int64
    public let lastOffset: Int64
    public let elements: [Element]

    public init(partition: Partition, firstOffset: Int64, lastOffset: Int64, elements: [Element]) {
        self.partition = partition
        self.firstOffset = firstOffset
        self.lastOffset = lastOffset
        self.elements = elements
    }
}

extension Cut: Equatable where Element: Equatable {}
extension Cut: Hashable where Element: Hashable {}

extension Cut: StateCodable where Partition: StateCodable, Element: StateCodable {
    public static var stateSchema: String { "cut(\(Partition.stateSchema),\(Element.stateSchema))" }

    public func encode(into writer: inout ByteWriter) {
        partition.encode(into: &writer)
        writer.integer(firstOffset)
        writer.integer(lastOffset)
        elements.encode(into: &writer)
    }

    public init(from reader: inout ByteReader) throws {
        partition = try Partition(from: &reader)
        firstOffset = try reader.integer()
        lastOffset = try reader.integer()
        elements = try [Element](from: &reader)
    }
}

/// Which cuts are made of the records of several partitions, and when each may leave. Pure.
///
/// K1. Every record is in exactly one cut; the cuts of a partition follow one another.
/// K2. A cut that is full leaves at once: where it ends follows from where it began, and that is in the snapshot.
/// K3. A cut that ends because of its age ends at a barrier, is part of that barrier's snapshot, and leaves only once that
///     epoch is decided: no replay can cut otherwise.
/// K4. A full cut behind one that waits by K3 waits with it: it began where the other ended, and a replay from before that
///     barrier would have it begin elsewhere.
package struct CutTable<Partition: Hashable & Sendable, Element: Sendable> {
    package typealias MadeCut = Cut<Partition, Element>

    private struct Growing {
        var batch = OpenBatch<Element>()
        var firstOffset: Int64
        var lastOffset: Int64
    }

    private let limits: BatchLimits
    private var growing: [Partition: Growing] = [:]
    /// Ended by age, with the epoch whose snapshot has them first, and full ones behind them, in order.
    private var recorded: [(epoch: Epoch, cut: MadeCut, isFull: Bool)] = []

    package init(_ limits: BatchLimits) { self.limits = limits }

    package var isEmpty: Bool { growing.isEmpty && recorded.isEmpty }

    /// Whether a full cut waits: until it may leave no more records should come, or memory grows with them.
    package var isHolding: Bool { recorded.contains { $0.isFull } }

    /// A cut that has become full and may leave.
    package mutating func add(
        _ element: Element, of partition: Partition, offset: Int64, weight: Int, nowNanos: () -> Int64
    ) -> MadeCut? {
        var made: MadeCut?
        if let old = growing[partition], old.batch.isTooFull(for: weight, limits) { made = end(partition) }
        growing[partition, default: Growing(firstOffset: offset, lastOffset: offset)].batch
            .add(element, weight: weight, nowNanos: nowNanos)
        growing[partition]?.lastOffset = offset
        if let grown = growing[partition], grown.batch.elements.count >= limits.countMax { made = end(partition) }
        guard let full = made, let before = recorded.last(where: { $0.cut.partition == partition }) else { return made }
        recorded.append((before.epoch, full, true))
        return nil
    }

    private mutating func end(_ partition: Partition) -> MadeCut? {
        growing.removeValue(forKey: partition).map { Self.cut(partition, $0) }
    }

    private static func cut(_ partition: Partition, _ grown: Growing) -> MadeCut {
        Cut(
            partition: partition, firstOffset: grown.firstOffset, lastOffset: grown.lastOffset,
            elements: grown.batch.elements)
    }

    /// Ends what is old enough, as part of this epoch's snapshot.
    package mutating func barrier(_ epoch: Epoch, nowNanos: Int64) {
        let old = growing.filter { $0.value.batch.isDue(limits, nowNanos: nowNanos) }
        for (partition, grown) in old {
            recorded.append((epoch, Self.cut(partition, grown), false))
            growing[partition] = nil
        }
    }

    /// The cuts that may leave now that the epoch is decided.
    package mutating func decided(_ epoch: Epoch) -> [MadeCut] {
        let free = recorded.prefix { $0.epoch <= epoch }.map(\.cut)
        recorded.removeFirst(free.count)
        return free
    }

    // MARK: Snapshots

    /// Everything held: cuts that grow, and those that have ended.
    package var contents: [(hasEnded: Bool, cut: MadeCut)] {
        recorded.map { (true, $0.cut) } + growing.map { (false, Self.cut($0.key, $0.value)) }
    }

    /// A cut from a snapshot; one that had ended may leave at once, with `decided(.genesis)`.
    package mutating func restore(
        _ cut: MadeCut, hasEnded: Bool, weight: (Element) -> Int, nowNanos: () -> Int64
    ) {
        // After a change of parallelism the parts of one partition may meet: each stays a cut of its own. One that is full by
        // limits which were lowered meanwhile has ended where the snapshot has it.
        if hasEnded || growing[cut.partition] != nil || cut.elements.count >= limits.countMax {
            return recorded.append((.genesis, cut, false))
        }
        var grown = Growing(firstOffset: cut.firstOffset, lastOffset: cut.lastOffset)
        for element in cut.elements { grown.batch.add(element, weight: weight(element), nowNanos: nowNanos) }
        growing[cut.partition] = grown
    }
}
