/// Session windows. Cost: a state update a record; merging costs a merge for each session that is joined. All sessions of
/// a key are one state value, and they have one end timer between them, which a record that prolongs a session leaves
/// alone: when it comes due too early, it is registered anew.
///
/// N3. A session exists from its first record until the watermark passes its last millisecond plus the allowed lateness.
/// N4. While a key has sessions exactly one end timer of it is registered, no later than any of them is due.
/// N5. A record is late when it is over for good and no session is there that it would be part of.
/// N6. A session that late records prolong past the watermark is open again, and gives another result at its new end.
public struct SessionWindows<A: Aggregate, E: WindowEmitter>: Operator where E.Value == A.Output, E.Key: StreamKey {
    public typealias Input = A.Input
    public typealias Output = E.Output
    @usableFromInline typealias List = SessionList<A.Accumulator>

    @usableFromInline let logic: WindowLogic<A, E>
    @usableFromInline let gap: Int64
    @usableFromInline let trigger: WindowTrigger
    @usableFromInline let lateness: Int64
    @usableFromInline let table: StateTable<E.Key, List>
    @usableFromInline let places: TablePlaces<E.Key>
    @usableFromInline let time: WindowTime<E.Key>

    @inlinable init(_ context: OperatorContext, _ logic: WindowLogic<A, E>, gap: Int64, _ settings: WindowSettings) throws {
        self.logic = logic
        self.gap = gap
        trigger = settings.trigger
        lateness = settings.latenessMillis
        let core = try KeyedCore<E.Key>(context)
        table = try core.state.table("sessions", .value, E.Key.self, List.self)
        try core.seal()
        places = core.state.places(of: E.Key.self)
        time = try WindowTime(core, context, isProcessing: settings.assigner.isProcessingTime)
    }

    // MARK: Records

    @inlinable public static var prefetches: Bool { TablePlaces<E.Key>.isWorthIt(for: Input.self) }
    @inlinable @inline(__always)
    public func prefetch(_ input: Input) { places.prefetch(logic.key(input)) }
    @inlinable public func readAhead(_ inputs: UnsafeBufferPointer<Input>) { places.readAhead(inputs, key: logic.key) }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        let millis = time.ofRecord
        let window = TimeWindow(start: millis, end: millis.addingSaturating(gap))
        let reached = time.reached
        let key = logic.key(input)
        let isOver = removal(window) <= reached
        // A record that is over for good must not bring an empty list into being.
        guard let list = isOver ? table.existing(key) : table.pointer(for: key, initial: { List() }) else {
            return logic.putLate(input)
        }
        let touching = list.pointee.touching(window)
        if isOver, touching.isEmpty { return logic.putLate(input) }
        let wasEmpty = list.pointee.sessions.isEmpty
        var dropped: [Int64] = []
        let position = list.pointee.join(window, touching, logic.aggregate, dropped: &dropped)
        for armed in dropped { deleteEarly(list, at: armed, key) }
        logic.aggregate.add(input, to: &list.pointee.sessions[position].value)
        let due = due(list.pointee.sessions[position].window, after: reached)
        if wasEmpty || due < list.pointee.timer {
            if !wasEmpty { deleteEnd(list, key) }
            list.pointee.timer = due
            time.register(end: due, for: key)
        }
        let isClosed = list.pointee.sessions[position].window.last <= reached
        switch list.pointee.sessions[position].state.add(trigger, isClosed: isClosed) {
        case .nothing: break
        case .fire: try fire(list, position, key, isClosed ? .late : .early, into: &down)
        case .arm:
            let armed = time.registerEarly(after: trigger.earlyMillis ?? 0, for: key)
            list.pointee.sessions[position].state.arm(at: armed)
        }
    }

    @inlinable func removal(_ window: TimeWindow) -> Int64 { window.last.addingSaturating(lateness) }

    @inlinable func due(_ window: TimeWindow, after reached: Int64) -> Int64 {
        window.last > reached ? window.last : removal(window)
    }

    // MARK: Results

    @inlinable func fire<Down: Collector>(
        _ list: UnsafeMutablePointer<List>, _ position: Int, _ key: E.Key, _ timing: Pane.Timing, isLast: Bool = false,
        into down: inout Down
    ) throws where Down.Element == Output {
        disarm(list, position, key)
        let index = list.pointee.sessions[position].state.fire()
        try logic.emit(
            list.pointee.sessions[position].value, key, list.pointee.sessions[position].window,
            Pane(index: index, timing: timing, isLast: isLast), into: &down)
        if trigger.isDiscarding { list.pointee.sessions[position].value = logic.aggregate.empty() }
    }

    @inlinable func disarm(_ list: UnsafeMutablePointer<List>, _ position: Int, _ key: E.Key) {
        if let armed = list.pointee.sessions[position].state.disarm() { deleteEarly(list, at: armed, key) }
    }

    /// Sessions of a key that are armed for the same time share the timer, in processing time with the end timer too.
    @inlinable func deleteEarly(_ list: UnsafeMutablePointer<List>, at millis: Int64, _ key: E.Key) {
        guard !list.pointee.isArmed(at: millis) else { return }
        time.deleteEarly(at: millis, for: key, besideEnd: list.pointee.timer)
    }

    @inlinable func deleteEnd(_ list: UnsafeMutablePointer<List>, _ key: E.Key) {
        let last = list.pointee.timer
        guard !time.isProcessing || !list.pointee.isArmed(at: last.addingSaturating(1)) else { return }
        time.delete(end: last, for: key)
    }

    @inlinable func fire<Down: Collector>(_ timer: WindowTime<E.Key>.Timer, _ key: E.Key, into down: inout Down) throws
    where Down.Element == Output {
        guard let list = table.existing(key) else { return }
        switch timer {
        case .early(let millis):
            for position in list.pointee.sessions.indices where list.pointee.sessions[position].state.earlyTimer(at: millis) {
                try fire(list, position, key, .early, into: &down)
            }
        case .end(let millis):
            if list.pointee.timer == millis { try end(list, key, at: millis, into: &down) }
        }
    }

    /// Gives the results due at `millis` and removes the sessions that are over for good: two of them at most.
    @inlinable func end<Down: Collector>(
        _ list: UnsafeMutablePointer<List>, _ key: E.Key, at millis: Int64, into down: inout Down
    ) throws where Down.Element == Output {
        var position = 0
        var next = Int64.max
        while position < list.pointee.sessions.count {
            let window = list.pointee.sessions[position].window
            let isOver = removal(window) == millis
            if window.last == millis {
                if list.pointee.sessions[position].state.firesAtEnd(trigger) {
                    try fire(list, position, key, .onTime, isLast: isOver, into: &down)
                }
                disarm(list, position, key)
            } else if isOver, list.pointee.sessions[position].state.firesAtCleanup {
                try fire(list, position, key, .late, isLast: true, into: &down)
            }
            if isOver {
                list.pointee.sessions.remove(at: position)
            } else {
                next = min(next, due(window, after: millis))
                position += 1
            }
        }
        guard !list.pointee.sessions.isEmpty else {
            table.remove(key)
            return
        }
        list.pointee.timer = next
        time.register(end: next, for: key)
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
