/// Windows on a grid with state of their own each: tumbling and global ones, and sliding ones whose trigger fires early or
/// discards. Cost: a state update for each window a record is in, one timer for each window at a time.
///
/// D1. A window exists from its first record until the watermark passes its last millisecond plus the allowed lateness.
/// D2. While it exists exactly one end timer of it is registered: for its last millisecond, and then for its removal.
/// D3. A record is late when every window it is in is over for good; it changes none.
/// D4. A window that a job with another size or lateness began ends as this job's do, at the latest when the timer comes
///     due that it has from there.
public struct GridWindows<A: Aggregate, E: WindowEmitter>: Operator where E.Value == A.Output, E.Key: StreamKey {
    public typealias Input = A.Input
    public typealias Output = E.Output
    @usableFromInline typealias ID = WindowKey<E.Key>

    @usableFromInline let logic: WindowLogic<A, E>
    @usableFromInline let grid: WindowGrid
    @usableFromInline let trigger: WindowTrigger
    @usableFromInline let lateness: Int64
    @usableFromInline let table: StateTable<ID, WindowEntry<A.Accumulator>>
    @usableFromInline let places: TablePlaces<ID>
    @usableFromInline let time: WindowTime<ID>
    /// Of the record before: the next ones are likely to be in the same window, so `prefetch` guesses.
    @usableFromInline var latestStart = Int64.min

    @inlinable init(_ context: OperatorContext, _ logic: WindowLogic<A, E>, _ grid: WindowGrid, _ settings: WindowSettings) throws
    {
        self.logic = logic
        self.grid = grid
        trigger = settings.trigger
        lateness = settings.latenessMillis
        let core = try KeyedCore<ID>(context)
        table = try core.state.table("windows", .value, ID.self, WindowEntry<A.Accumulator>.self)
        try core.seal()
        places = core.state.places(of: ID.self)
        time = try WindowTime(core, context, isProcessing: settings.assigner.isProcessingTime)
    }

    // MARK: Records

    @inlinable public static var prefetches: Bool { TablePlaces<ID>.isWorthIt(for: Input.self) }
    @inlinable @inline(__always)
    public func prefetch(_ input: Input) { places.prefetch(ID(logic.key(input), latestStart)) }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        let millis = time.ofRecord
        guard let latest = grid.latestStart(containing: millis) else { return logic.skip() }
        latestStart = latest
        guard removal(grid.last(of: latest)) > time.reached else { return logic.putLate(input) }
        let key = logic.key(input)
        guard !grid.isDisjoint else { return try add(input, ID(key, latest), into: &down) }
        var start = grid.earliestStart(containing: millis)
        while true {
            if removal(grid.last(of: start)) > time.reached { try add(input, ID(key, start), into: &down) }
            guard start < latest, let next = grid.start(after: start) else { return }
            start = next
        }
    }

    @inlinable @inline(__always)
    mutating func add<Down: Collector>(_ input: Input, _ id: ID, into down: inout Down) throws
    where Down.Element == Output {
        let last = grid.last(of: id.start)
        let isClosed = last <= time.reached
        let entry = table.pointer(for: id, initial: { WindowEntry(logic.aggregate.empty()) })
        if entry.pointee.state.isNew { time.register(end: isClosed ? removal(last) : last, for: id) }
        logic.aggregate.add(input, to: &entry.pointee.value)
        switch entry.pointee.state.add(trigger, isClosed: isClosed) {
        case .nothing: break
        case .fire: try fire(entry, id, isClosed ? .late : .early, into: &down)
        case .arm: entry.pointee.state.arm(at: time.registerEarly(after: trigger.earlyMillis ?? 0, for: id))
        }
    }

    /// The event time from which on the window that ends with `last` is over for good.
    @inlinable func removal(_ last: Int64) -> Int64 { last.addingSaturating(lateness) }

    // MARK: Results

    @inlinable func fire<Down: Collector>(
        _ entry: UnsafeMutablePointer<WindowEntry<A.Accumulator>>, _ id: ID, _ timing: Pane.Timing, isLast: Bool = false,
        into down: inout Down
    ) throws where Down.Element == Output {
        if let armed = entry.pointee.state.disarm() { time.deleteEarly(at: armed, for: id, besideEnd: grid.last(of: id.start)) }
        let pane = Pane(index: entry.pointee.state.fire(), timing: timing, isLast: isLast)
        try logic.emit(entry.pointee.value, id.key, grid.window(id.start), pane, into: &down)
        if trigger.isDiscarding { entry.pointee.value = logic.aggregate.empty() }
    }

    @usableFromInline typealias Timer = WindowTime<ID>.Timer

    @inlinable func fire<Down: Collector>(_ timer: Timer, _ id: ID, into down: inout Down) throws
    where Down.Element == Output {
        switch timer {
        case .early(let millis):
            guard let entry = table.existing(id) else { return }
            if entry.pointee.state.earlyTimer(at: millis) { try fire(entry, id, .early, into: &down) }
        case .end(let millis):
            let last = grid.last(of: id.start)
            guard millis == last || millis == removal(last) else { return renew(id, last, instead: millis) }
            guard let entry = table.existing(id) else { return }
            try end(entry, id, last, at: millis, into: &down)
        }
    }

    /// A timer for `millis`, which is no time of the window: D4. In processing time it may be an early one, or both; then the
    /// window's own is registered already, and stays.
    @inlinable func renew(_ id: ID, _ last: Int64, instead millis: Int64) {
        guard table.lookup(id) != nil else { return }
        time.register(end: millis < last ? last : removal(last), for: id)
    }

    /// The window's last millisecond is over, or the lateness allowed for it.
    @inlinable func end<Down: Collector>(
        _ entry: UnsafeMutablePointer<WindowEntry<A.Accumulator>>, _ id: ID, _ last: Int64, at millis: Int64,
        into down: inout Down
    ) throws where Down.Element == Output {
        let removal = removal(last)
        if millis == last {
            if entry.pointee.state.firesAtEnd(trigger) {
                try fire(entry, id, .onTime, isLast: removal == last, into: &down)
            }
            if let armed = entry.pointee.state.disarm() { time.deleteEarly(at: armed, for: id, besideEnd: last) }
            guard removal == last else { return time.register(end: removal, for: id) }
        } else if entry.pointee.state.firesAtCleanup {
            try fire(entry, id, .late, isLast: true, into: &down)
        }
        table.remove(id)
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

/// What a window keeps: the accumulator, and how far it has come.
@usableFromInline struct WindowEntry<Accumulator: StateCodable>: StateCodable {
    @usableFromInline var value: Accumulator
    @usableFromInline var state = TriggerState()

    @usableFromInline static var stateSchema: String { "window1(\(Accumulator.stateSchema))" }

    @inlinable init(_ value: Accumulator) { self.value = value }

    @inlinable func encode(into writer: inout ByteWriter) {
        value.encode(into: &writer)
        state.encode(into: &writer)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        value = try Accumulator(from: &reader)
        state = try TriggerState(from: &reader)
    }
}
