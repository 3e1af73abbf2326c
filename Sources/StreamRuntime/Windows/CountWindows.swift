/// The last records of a key, in groups whose size divides both the windows' size and their step. Pure.
@usableFromInline package struct CountList<Accumulator: StateCodable>: StateCodable {
    /// Oldest first.
    @usableFromInline package var groups: [Accumulator] = []
    /// Records since the last result.
    @usableFromInline package var count = 0

    @inlinable package init() {}

    @usableFromInline package static var stateSchema: String { "counted1(\(Accumulator.stateSchema))" }

    @inlinable package func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(count))
        groups.encode(into: &writer)
    }

    @inlinable package init(from reader: inout ByteReader) throws {
        count = try reader.count()
        groups = try [Accumulator](from: &reader)
    }
}

/// Windows of a number of records. Cost: a state update a record; a merge for each group of a window, a result.
///
/// K1. After each `every` records of a key comes a result over its last `size`, or over all it ever had if these are fewer.
/// K2. When windows do not overlap, a key without records since its last result has no state.
/// K3. What a job with larger windows had counted of a key is in the result that the key's next record gives.
public struct CountWindows<A: Aggregate, E: WindowEmitter>: Operator where E.Value == A.Output, E.Key: StreamKey {
    public typealias Input = A.Input
    public typealias Output = E.Output
    @usableFromInline typealias List = CountList<A.Accumulator>

    @usableFromInline let logic: WindowLogic<A, E>
    @usableFromInline let every: Int
    @usableFromInline let groupSize: Int
    @usableFromInline let groupsMax: Int
    @usableFromInline let core: KeyedCore<E.Key>
    @usableFromInline let table: StateTable<E.Key, List>
    @usableFromInline let places: TablePlaces<E.Key>

    @inlinable init(_ context: OperatorContext, _ logic: WindowLogic<A, E>, size: Int, every: Int) throws {
        self.logic = logic
        self.every = every
        groupSize = greatestCommonDivisor(size, every)
        groupsMax = size / groupSize
        core = try KeyedCore<E.Key>(context)
        table = try core.state.table("counted", .value, E.Key.self, List.self)
        try core.seal()
        places = core.state.places(of: E.Key.self)
    }

    @inlinable public static var prefetches: Bool { TablePlaces<E.Key>.isWorthIt(for: Input.self) }
    @inlinable @inline(__always)
    public func prefetch(_ input: Input) { places.prefetch(logic.key(input)) }
    @inlinable public func readAhead(_ inputs: UnsafeBufferPointer<Input>) { places.readAhead(inputs, key: logic.key) }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        let key = logic.key(input)
        let list = table.pointer(for: key, initial: { List() })
        if list.pointee.count % groupSize == 0, list.pointee.count < every {
            while list.pointee.groups.count >= groupsMax { list.pointee.groups.removeFirst() }
            list.pointee.groups.append(logic.aggregate.empty())
        }
        logic.aggregate.add(input, to: &list.pointee.groups[list.pointee.groups.count - 1])
        list.pointee.count += 1
        guard list.pointee.count >= every else { return }
        var value = list.pointee.groups[0]
        for group in list.pointee.groups.dropFirst() { logic.aggregate.merge(group, into: &value) }
        if groupsMax * groupSize <= every { table.remove(key) } else { list.pointee.count = 0 }
        try logic.emit(value, key, into: &down)
    }

    @inlinable public mutating func watermark<Down: Collector>(_ millis: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try core.advance(to: millis, into: &down) { _, _, _ in }
    }

    @inlinable public mutating func idle<Down: Collector>(into down: inout Down) throws
    where Down.Element == Output { try core.idle(into: &down) }

    @inlinable public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try core.resume(into: &down) { _, _, _ in }
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws { try core.snapshot(into: snapshot) }

    public mutating func close() { core.close() }
}

@usableFromInline package func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
}
