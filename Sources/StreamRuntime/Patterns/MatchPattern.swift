/// Runs a `PatternMachine` for each key.
///
/// M1. In event time a key's records reach the machine in the order of their times, equal ones in the order of arrival, none
///     before the watermark has reached it.
/// M2. A key has a timer at the time of its first record that waits, and at its earliest deadline, whichever comes first.
///     No timer is at the time that has come already: when event time ends, no way with an end is left.
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
            .patternLateRecords, labels: ["operator": context.operatorID.rawValue, "subtask": String(context.subtask)])
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
        let place = table.pointer(for: key, initial: { PatternKeyState() })
        if place.pointee.wait(input, millis) { wake(key, at: millis) }  // M2
    }

    /// Processing time: at once. A record that begins nothing costs a look at the table and at the conditions.
    @inlinable mutating func take<Down: Collector>(_ input: Event, of key: Key, into down: inout Down) throws
    where Down.Element == Output {
        if table.get(key) == nil, try !machine.mayBegin(with: input) { return }
        latestMillis = max(latestMillis, core.clock.wallMillis())
        _ = table.pointer(for: key, initial: { PatternKeyState() }).pointee.wait(input, latestMillis)
        try emit(advance(key, to: latestMillis), into: &down)
    }

    /// What was found, each with its time.
    @usableFromInline struct Found {
        @usableFromInline var matches: [(match: PatternMatch<Event>, millis: Int64)] = []
        @usableFromInline var timeouts: [(match: PatternMatch<Event>, millis: Int64)] = []
        @inlinable init() {}
    }

    /// The time of `key` has come to `millis`: records that waited are taken, ways that took too long end.
    @inlinable func advance(_ key: Key, to millis: Int64) throws -> Found {
        var found = Found()
        guard table.get(key) != nil else { return found }
        let place = table.pointer(for: key, initial: { PatternKeyState() })
        for (time, event) in place.pointee.takeWaiting(upTo: millis) {
            expire(&place.pointee.progress, at: time, &found)
            for match in try machine.process(event, at: time, &place.pointee.progress) { found.matches.append((match, time)) }
            if place.pointee.progress.wayCount > limit { throw PatternOverflow(operatorID: operatorID, limit: limit) }
        }
        expire(&place.pointee.progress, at: millis, isEnd: millis == .max, &found)
        let (first, deadline) = (place.pointee.waiting.first?.millis, machine.deadline(place.pointee.progress))
        if place.pointee.isEmpty { table.remove(key) }  // M3
        if let next = first.map({ min($0, deadline ?? $0) }) ?? deadline { wake(key, at: next) }  // M2
        return found
    }

    @inlinable func wake(_ key: Key, at millis: Int64) {
        if isEventTime {
            core.timers.registerEventTime(at: millis, for: key)
        } else {
            core.timers.register(at: millis, for: key)
        }
    }

    @inlinable func expire(_ progress: inout PatternState<Event>, at millis: Int64, isEnd: Bool = false, _ found: inout Found) {
        let over = machine.expire(at: millis, isEnd: isEnd, &progress)
        for match in over.matches { found.matches.append((match, machine.deadline(match))) }
        for match in over.timeouts { found.timeouts.append((match, machine.deadline(match))) }
    }

    @inlinable func emit<Down: Collector>(_ found: Found, into down: inout Down) throws where Down.Element == Output {
        for (match, millis) in found.timeouts {
            if isEventTime { core.recordTime.millis = millis }
            timeouts?.emit(match)
        }
        for (match, millis) in found.matches {
            if isEventTime { core.recordTime.millis = millis }
            try down.collect(try make(match))
        }
    }

    // MARK: Time

    @inlinable public mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try core.advance(to: time, into: &down) { try emit(advance($1, to: core.watermark), into: &$2) }
    }

    @inlinable public mutating func idle<Down: Collector>(into down: inout Down) throws
    where Down.Element == Output { try core.idle(into: &down) }

    @inlinable public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try core.resume(into: &down) { try emit(advance($1, to: core.watermark), into: &$2) }
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

    /// True when no other record is to be taken before this one.
    @inlinable mutating func wait(_ event: Event, _ millis: Int64) -> Bool {
        var place = waiting.count
        while place > 0, waiting[place - 1].millis > millis { place -= 1 }
        waiting.insert((millis, event), at: place)
        return place == 0
    }

    @inlinable mutating func takeWaiting(upTo millis: Int64) -> [(millis: Int64, event: Event)] {
        let due = Array(waiting.prefix { $0.millis <= millis })
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
