/// Runs a `PatternMachine` for each key.
///
/// M1. In event time a key's records reach the machine in the order of their times, equal ones in the order of arrival; a
///     timer is registered for each, so that none is taken before the watermark has reached it.
/// M2. A timer is registered for the key's earliest deadline whenever it has one.
/// M3. A key without records that wait and without ways has no state.
/// M4. State is of the shape of the pattern: a checkpoint of another shape is refused.
public struct MatchPattern<Key: StreamKey, Event: StateCodable, Output>: Operator {
    public typealias Input = Event
    @usableFromInline let core: KeyedCore<Key>
    @usableFromInline let table: StateTable<Key, PatternKeyState<Event>>
    @usableFromInline let machine: PatternMachine<Event>
    @usableFromInline let key: @Sendable (Event) -> Key
    @usableFromInline let make: @Sendable (PatternMatch<Event>) throws -> Output
    @usableFromInline let late: SideEmitter<Event>?
    @usableFromInline let timeouts: SideEmitter<PatternMatch<Event>>?
    @usableFromInline let isEventTime: Bool
    @usableFromInline let limit: Int
    @usableFromInline let operatorID: OperatorID
    @usableFromInline let lateRecords: MetricRegistry.Cell
    /// The clock may be set back; a key's time may not.
    @usableFromInline var latestMillis = Int64.min

    private static var listName: String { "pattern-shape" }
    private static var listSchema: String { "utf8" }

    @usableFromInline init(
        context: OperatorContext, key: @escaping @Sendable (Event) -> Key, options: PatternOptions<Event>,
        make: @escaping @Sendable (PatternMatch<Event>) throws -> Output
    ) throws {
        machine = try PatternMachine(options.pattern)
        core = try KeyedCore(context)
        table = try core.state.table("pattern", .value, Key.self, PatternKeyState<Event>.self)
        try core.seal()
        self.key = key
        self.make = make
        late = options.late.map { context.emitter($0) }
        timeouts = options.timeouts.map { context.emitter($0) }
        isEventTime = options.isEventTime
        limit = options.limit
        operatorID = context.operatorID
        lateRecords = context.metrics.counter(
            "weir_pattern_late_records_total", help: "Records that came after their watermark and were not taken.",
            labels: ["operator": context.operatorID.rawValue, "subtask": String(context.subtask)])
        for item in try context.restoredUnionList(Self.listName, Self.listSchema) {
            let stored = String(decoding: item.bytes, as: UTF8.self)
            guard stored == machine.shape else {
                throw RecoveryRefusal(
                    "the checkpoint holds state of operator '\(operatorID)' for the pattern\(stored); it now looks for\(machine.shape)",
                    remedy: "Give the operator another id with .id(\"…\") and start without its state, or keep the pattern.")
            }
        }
    }

    // MARK: Records

    @inlinable public mutating func process<Down: Collector>(_ input: Event, into down: inout Down) throws
    where Down.Element == Output {
        let key = key(input)
        guard isEventTime else { return try take(input, of: key, into: &down) }
        let millis = core.recordTime.millis
        guard !core.isLate(millis) else {
            lateRecords.add()
            late?.emit(input)
            return
        }
        table.pointer(for: key, initial: { PatternKeyState() }).pointee.wait(input, millis)
        core.timers.registerEventTime(at: millis, for: key)  // M1
    }

    /// Processing time: at once.
    @inlinable mutating func take<Down: Collector>(_ input: Event, of key: Key, into down: inout Down) throws
    where Down.Element == Output {
        latestMillis = max(latestMillis, core.clock.wallMillis())
        let place = table.pointer(for: key, initial: { PatternKeyState() })
        place.pointee.wait(input, latestMillis)
        let found = try advance(&place.pointee, key, to: latestMillis)
        if place.pointee.isEmpty { table.remove(key) }  // M3
        try emit(found, into: &down)
    }

    /// The time of `key` has come to `millis`: records that waited are taken, ways that took too long end.
    @inlinable func advance(_ key: Key, to millis: Int64) throws -> Found {
        guard table.get(key) != nil else { return Found() }
        let place = table.pointer(for: key, initial: { PatternKeyState() })
        let found = try advance(&place.pointee, key, to: millis)
        if place.pointee.isEmpty { table.remove(key) }  // M3
        return found
    }

    @usableFromInline struct Found {
        @usableFromInline var matches: [PatternMatch<Event>] = []
        @usableFromInline var timeouts: [PatternMatch<Event>] = []
        @inlinable init() {}
    }

    @inlinable func advance(_ state: inout PatternKeyState<Event>, _ key: Key, to millis: Int64) throws -> Found {
        var found = Found()
        for (time, event) in state.takeWaiting(upTo: millis) {
            expire(&state, at: time, &found)
            found.matches += try machine.process(event, at: time, &state.progress)
            if state.progress.wayCount > limit { throw PatternOverflow(operatorID: operatorID, limit: limit) }
        }
        expire(&state, at: millis, &found)
        if let deadline = machine.deadline(state.progress) {  // M2
            if isEventTime {
                core.timers.registerEventTime(at: deadline, for: key)
            } else {
                core.timers.register(at: deadline, for: key)
            }
        }
        return found
    }

    @inlinable func expire(_ state: inout PatternKeyState<Event>, at millis: Int64, _ found: inout Found) {
        let (matches, over) = machine.expire(at: millis, &state.progress)
        found.matches += matches
        found.timeouts += over
    }

    @inlinable func emit<Down: Collector>(_ found: Found, into down: inout Down) throws where Down.Element == Output {
        for match in found.timeouts { timeouts?.emit(match) }
        for match in found.matches { try down.collect(try make(match)) }
    }

    // MARK: Time

    @inlinable public mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try core.advance(to: time, into: &down) { try emit(advance($1, to: $0), into: &$2) }
    }

    @inlinable public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try core.resume(into: &down) { try emit(advance($1, to: $0), into: &$2) }
        try core.fireProcessingTime(wallMillis) { try emit(advance($1, to: $0), into: &down) }
    }

    // MARK: Checkpoints

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        try core.snapshot(into: snapshot)
        snapshot.add(
            OperatorList(
                operatorID: operatorID, name: Self.listName, schema: Self.listSchema,
                items: [OperatorList.Item(keyGroup: 0, bytes: Array(machine.shape.utf8))]))
    }

    public mutating func close() { core.close() }
}

/// What is kept for one key: records that wait for the watermark, and what the machine knows.
@usableFromInline struct PatternKeyState<Event: StateCodable>: StateCodable {
    /// In the order of their times, equal ones in the order of arrival.
    @usableFromInline var waiting: [(millis: Int64, event: Event)] = []
    @usableFromInline var progress = PatternState<Event>()

    @inlinable init() {}

    @inlinable var isEmpty: Bool { waiting.isEmpty && progress.isEmpty }

    @inlinable mutating func wait(_ event: Event, _ millis: Int64) {
        var place = waiting.count
        while place > 0, waiting[place - 1].millis > millis { place -= 1 }
        waiting.insert((millis, event), at: place)
    }

    @inlinable mutating func takeWaiting(upTo millis: Int64) -> ArraySlice<(millis: Int64, event: Event)> {
        let due = waiting.prefix { $0.millis <= millis }
        waiting.removeFirst(due.count)
        return due
    }

    @usableFromInline static var stateSchema: String { "waiting(\(Event.stateSchema)),\(PatternState<Event>.stateSchema)" }

    @inlinable func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(waiting.count))
        for (millis, event) in waiting {
            writer.integer(millis)
            event.encode(into: &writer)
        }
        progress.encode(into: &writer)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        for _ in 0..<(try reader.varint()) { waiting.append((try reader.integer(), try Event(from: &reader))) }
        progress = try PatternState(from: &reader)
    }
}
