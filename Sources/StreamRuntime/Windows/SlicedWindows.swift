/// Overlapping windows that share accumulators: a record changes one slice, however many windows it is in, and a window's
/// result is merged from its slices. Cost: a state update a record; a merge for each slice of a window that has records, a
/// result. All slices of a key are one state value.
///
/// S1. A key has exactly one end timer registered while it has slices: `SliceList.timer`, the earliest it is due for.
/// S2. Windows give their results in order of time, on time; empty ones give none.
/// S3. A record that comes after the end of a window, and within the lateness allowed, gives that window's result anew.
public struct SlicedWindows<A: Aggregate, E: WindowEmitter>: Operator where E.Value == A.Output, E.Key: StreamKey {
    public typealias Input = A.Input
    public typealias Output = E.Output
    @usableFromInline typealias List = SliceList<A.Accumulator>

    @usableFromInline let logic: WindowLogic<A, E>
    @usableFromInline let plan: SlicePlan
    @usableFromInline let grid: WindowGrid
    @usableFromInline let table: StateTable<E.Key, List>
    @usableFromInline let places: TablePlaces<E.Key>
    @usableFromInline let time: WindowTime<E.Key>

    @inlinable init(_ context: OperatorContext, _ logic: WindowLogic<A, E>, _ grid: WindowGrid, _ settings: WindowSettings) throws
    {
        self.logic = logic
        self.grid = grid
        plan = SlicePlan(grid: grid, lateness: settings.latenessMillis)
        let core = try KeyedCore<E.Key>(context)
        table = try core.state.table("slices", .value, E.Key.self, List.self)
        try core.seal()
        places = core.state.places(of: E.Key.self)
        time = try WindowTime(core, context, isProcessing: settings.assigner.isProcessingTime)
    }

    @inlinable public static var prefetches: Bool { TablePlaces<E.Key>.isWorthIt(for: Input.self) }
    @inlinable @inline(__always)
    public func prefetch(_ input: Input) { places.prefetch(logic.key(input)) }
    @inlinable public func readAhead(_ inputs: UnsafeBufferPointer<Input>) { places.readAhead(inputs, key: logic.key) }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        let millis = time.ofRecord
        let start = grid.sliceStart(containing: millis)
        let reached = time.reached
        guard plan.removal(ofSlice: start) > reached else { return logic.putLate(input) }
        let key = logic.key(input)
        let list = table.pointer(for: key, initial: { List() })
        let (position, isNew) = list.pointee.place(start, empty: logic.aggregate.empty)
        logic.aggregate.add(input, to: &list.pointee.slices[position].value)
        if isNew { schedule(list, key, plan.due(ofSlice: start, after: reached)) }
        let earliest = grid.earliestStart(containing: start)
        if grid.last(of: earliest) <= reached { try giveAnew(list, key, start, isNew, from: earliest, into: &down) }
    }

    /// A new slice is due at `due`.
    @inlinable func schedule(_ list: UnsafeMutablePointer<List>, _ key: E.Key, _ due: Int64) {
        if list.pointee.slices.count > 1 {
            guard due < list.pointee.timer else { return }
            time.delete(end: list.pointee.timer, for: key)
        }
        list.pointee.timer = due
        time.register(end: due, for: key)
    }

    /// The results of those windows over the slice `start` that are over, but not for good, now that it has one more record.
    @inlinable func giveAnew<Down: Collector>(
        _ list: UnsafeMutablePointer<List>, _ key: E.Key, _ start: Int64, _ isNew: Bool, from earliest: Int64,
        into down: inout Down
    ) throws where Down.Element == Output {
        let reached = time.reached
        var next: Int64? = earliest
        while let window = next, window <= start, grid.last(of: window) <= reached {
            next = grid.start(after: window)
            guard plan.removal(ofWindow: window) > reached else { continue }
            let positions = list.pointee.positions(from: window, length: grid.length(of: window))
            let index = list.pointee.nextLateIndex(of: window, wasEmpty: isNew && positions.count == 1)
            try give(list, positions, key, window, Pane(index: index, timing: .late, isLast: false), into: &down)
        }
    }

    @inlinable func give<Down: Collector>(
        _ list: UnsafeMutablePointer<List>, _ positions: Range<Int>, _ key: E.Key, _ window: Int64, _ pane: Pane,
        into down: inout Down
    ) throws where Down.Element == Output {
        guard let value = list.pointee.merged(positions, logic.aggregate) else { return }
        try logic.emit(value, key, grid.window(window), pane, into: &down)
    }

    /// The key's timer has come due: gives the result of the window that is over, and drops what no window needs.
    @inlinable func fire<Down: Collector>(_ timer: WindowTime<E.Key>.Timer, _ key: E.Key, into down: inout Down) throws
    where Down.Element == Output {
        guard case .end(let millis) = timer, let list = table.existing(key), list.pointee.timer == millis else { return }
        // More than one only at the end of time.
        var next: Int64? = grid.earliestStart(endingFrom: millis)
        while let window = next, grid.last(of: window) == millis {
            let positions = list.pointee.positions(from: window, length: grid.length(of: window))
            let isLast = plan.removal(ofWindow: window) == millis
            try give(list, positions, key, window, Pane(index: 0, timing: .onTime, isLast: isLast), into: &down)
            next = grid.start(after: window)
        }
        list.pointee.drop(plan, through: millis)
        guard let due = plan.due(list.pointee, after: millis) else {
            table.remove(key)
            return
        }
        list.pointee.timer = due
        time.register(end: due, for: key)
    }

    // MARK: Signals

    @inlinable public mutating func watermark<Down: Collector>(_ millis: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try time.advance(to: millis, into: &down) { try fire($0, $1, into: &$2) }
    }

    @inlinable public mutating func idle<Down: Collector>(into down: inout Down) throws
    where Down.Element == Output { try time.core.idle(into: &down) }

    @inlinable public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try time.tick(wallMillis, into: &down) { try fire($0, $1, into: &$2) }
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws { try time.snapshot(into: snapshot) }

    public mutating func close() { time.core.close() }
}
