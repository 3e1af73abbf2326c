/// One key's slices of time, each with the accumulator of its records, oldest first. Pure.
///
/// L1. Slices are disjoint, have at least one record each, and are known by their start (see `WindowGrid.sliceStart`).
/// L2. A slice is kept until the last window over it is over for good.
@usableFromInline package struct SliceList<Accumulator: StateCodable>: StateCodable {
    @usableFromInline package struct Slice {
        @usableFromInline package var start: Int64
        @usableFromInline package var value: Accumulator

        @inlinable init(_ start: Int64, _ value: Accumulator) {
            self.start = start
            self.value = value
        }
    }
    @usableFromInline package var slices: [Slice] = []
    /// For what time the key's end timer is registered; of no meaning while there are no slices.
    @usableFromInline var timer: Int64 = 0
    /// Results of windows that have given one because of late records: their index, by the window's start.
    @usableFromInline var late: [(start: Int64, index: Int)] = []

    @inlinable package init() {}

    /// The position of the slice that begins at `start`, and whether it had to be made.
    @inlinable package mutating func place(_ start: Int64, empty: () -> Accumulator) -> (position: Int, isNew: Bool) {
        let position = firstPosition(from: start)
        if position < slices.count, slices[position].start == start { return (position, false) }
        slices.insert(Slice(start, empty()), at: position)
        return (position, true)
    }

    /// The position of the first slice that begins at `start` or later. Records mostly belong to the last one.
    @inlinable package func firstPosition(from start: Int64) -> Int {
        if let last = slices.last, last.start <= start { return last.start == start ? slices.count - 1 : slices.count }
        var (low, high) = (0, slices.count)
        while low < high {
            let middle = (low + high) / 2
            if slices[middle].start < start { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The positions of the slices that lie in the window of `length` milliseconds from `start` on.
    @inlinable package func positions(from start: Int64, length: UInt64) -> Range<Int> {
        let first = firstPosition(from: start)
        var position = first
        while position < slices.count, UInt64(bitPattern: slices[position].start &- start) < length { position += 1 }
        return first..<position
    }

    /// What the slices amount to; `nil` when there are none. Costs a merge for each of them.
    @inlinable package func merged<A: Aggregate>(_ positions: Range<Int>, _ aggregate: A) -> A.Accumulator?
    where A.Accumulator == Accumulator {
        guard let first = positions.first else { return nil }
        var value = slices[first].value
        for position in positions.dropFirst() { aggregate.merge(slices[position].value, into: &value) }
        return value
    }

    /// Drops the slices, and what is remembered of the windows, that are over for good once `reached` is.
    @inlinable package mutating func drop(_ plan: SlicePlan, through reached: Int64) {
        var over = 0
        while over < slices.count, plan.removal(ofSlice: slices[over].start) <= reached { over += 1 }
        if over > 0 { slices.removeFirst(over) }
        if !late.isEmpty { late.removeAll { plan.removal(ofWindow: $0.start) <= reached } }
    }

    /// The index of the next result of a window that is over. `wasEmpty`: it had no record before the one in hand.
    @inlinable package mutating func nextLateIndex(of start: Int64, wasEmpty: Bool) -> Int {
        if wasEmpty { return 0 }
        if let known = late.firstIndex(where: { $0.start == start }) {
            late[known].index += 1
            return late[known].index
        }
        late.append((start, 1))
        return 1
    }

    // MARK: State

    @usableFromInline package static var stateSchema: String { "slices1(\(Accumulator.stateSchema))" }

    @inlinable package func encode(into writer: inout ByteWriter) {
        writer.integer(timer)
        writer.varint(UInt64(slices.count))
        for slice in slices {
            writer.integer(slice.start)
            slice.value.encode(into: &writer)
        }
        writer.varint(UInt64(late.count))
        for entry in late {
            writer.integer(entry.start)
            writer.varint(UInt64(entry.index))
        }
    }

    @inlinable package init(from reader: inout ByteReader) throws {
        timer = try reader.integer()
        for _ in 0..<(try reader.varint()) {
            let start: Int64 = try reader.integer()
            slices.append(Slice(start, try Accumulator(from: &reader)))
        }
        for _ in 0..<(try reader.varint()) {
            let start: Int64 = try reader.integer()
            late.append((start, try reader.count()))
        }
    }
}
