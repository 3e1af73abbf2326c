/// Runs a `KeyedAsyncFunction`.
///
/// Invariants:
/// Y1. At most one request per key is in flight; inputs of a key are completed in order of arrival.
/// Y2. Every input that has arrived and is not completed is in each snapshot, in order of arrival.
/// Y3. A completion counts only for the attempt it belongs to: a late answer to a timed-out request is dropped.
/// Y4. At `capacity` inputs the operator raises back-pressure; it never drops or reorders.
/// Y5. A watermark waits until every input that came before it is completed; results carry their input's event time.
public struct KeyedAsync<F: KeyedAsyncFunction>: Operator {
    public typealias Input = F.Input
    public typealias Output = F.Output

    struct Item {
        let key: F.Key
        let input: F.Input
    }
    private typealias Table = InFlightTable<Item, F.Response>

    private let state: OperatorState
    private var function: F
    private let key: @Sendable (F.Input) -> F.Key
    private let table: Table
    /// Per key: the one in flight first, then those that wait.
    private var queues: [F.Key: [Table.Entry]] = [:]
    private var restored: [Table.Entry] = []
    private let recordTime: RecordTime
    private var watermarks = HeldWatermarks()
    private var markers = HeldMarkers()

    @usableFromInline init(
        context: OperatorContext, options: AsyncOptions, key: @escaping @Sendable (F.Input) -> F.Key,
        make: (KeyedStateContext<F.Key>) throws -> F
    ) throws {
        state = try context.makeState()
        function = try make(KeyedStateContext(state: state, operatorContext: context))
        try state.seal()
        self.key = key
        table = InFlightTable(context: context, options: options)
        recordTime = context.services.recordTime
        for (time, input) in try InFlightList<F.Input>.restored(context) {
            if let entry = admit(input, time: time) { restored.append(entry) }
        }
    }

    public mutating func process<Down: Collector>(_ input: F.Input, into down: inout Down) throws
    where Down.Element == F.Output {
        if let entry = admit(input, time: recordTime.millis) { try start(entry) }
    }

    /// The input's entry, when its request may start now.
    private mutating func admit(_ input: F.Input, time: Int64) -> Table.Entry? {
        let entry = table.admit(Item(key: key(input), input: input), time: time)
        queues[entry.item.key, default: []].append(entry)
        return queues[entry.item.key]?.count == 1 ? entry : nil
    }

    /// Removes a completed input; the next of its key.
    private mutating func finish(_ entry: Table.Entry) -> Table.Entry? {
        table.finish(entry)
        table.endOutages()
        queues[entry.item.key]?.removeFirst()
        guard let next = queues[entry.item.key]?.first else {
            queues[entry.item.key] = nil
            return nil
        }
        return next
    }

    private mutating func start(_ entry: Table.Entry) throws {
        let request = try function.request(entry.item.input, key: entry.item.key)
        table.start(entry, request, function.perform)
    }

    public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == F.Output {
        for entry in restored { try start(entry) }
        restored = []
        for completion in table.takeCompletions() {
            guard let entry = table.current(completion) else { continue }
            switch completion.result {
            case .success(let response):
                recordTime.millis = entry.time
                try function.complete(entry.item.input, key: entry.item.key, response, into: &down)
                if let next = finish(entry) { try start(next) }
            case .failure(let error):
                try fail(entry, error, into: &down)
            }
        }
        while let due = table.takeDue() {
            switch due {
            case .retry(let entry): try start(entry)
            case .timeout(let entry): try fail(entry, AsyncTimeout(millis: table.timeoutMillis), into: &down)
            }
        }
        table.askForTick()
        try releaseHeld(into: &down)
    }

    public mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws
    where Down.Element == F.Output {
        watermarks.add(time, before: table.nextSequence)
        try releaseHeld(into: &down)
    }

    public mutating func idle<Down: Collector>(into down: inout Down) throws where Down.Element == F.Output {
        watermarks.addIdle(before: table.nextSequence)
        try releaseHeld(into: &down)
    }

    public mutating func marker<Down: Collector>(_ marker: LatencyMarker, into down: inout Down) throws
    where Down.Element == F.Output {
        markers.add(marker, before: table.nextSequence)
        try releaseHeld(into: &down)
    }

    private mutating func releaseHeld<Down: Collector>(into down: inout Down) throws
    where Down.Element == F.Output {
        let oldest = table.oldestSequence()
        if let time = watermarks.release(completedBelow: oldest) { try down.handle(.watermark(time)) }
        if watermarks.releaseIdle(completedBelow: oldest) { try down.handle(.idle) }
        for marker in markers.release(completedBelow: oldest) { try down.handle(.marker(marker)) }
    }

    private mutating func fail<Down: Collector>(
        _ entry: Table.Entry, _ error: any Error, into down: inout Down
    ) throws where Down.Element == F.Output {
        switch function.verdict(on: error, attempt: entry.attempt) {
        case .retry(let delay): table.retry(entry, afterMillis: delay, outage: nil)
        case .waitOut(let reason, let delay): table.retry(entry, afterMillis: delay, outage: reason)
        case .fail:
            recordTime.millis = entry.time
            guard try function.recover(entry.item.input, key: entry.item.key, from: error, into: &down) else { throw error }
            if let next = finish(entry) { try start(next) }
        }
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        snapshot.add(try state.snapshot(snapshot.epoch), of: state.operatorID)
        #if WEIR_PLANTED
            if PlantedMistake.requestsForgotten.isOn { return }
        #endif
        snapshot.add(
            InFlightList<F.Input>.list(
                of: state.operatorID, table.entriesInOrder(),
                keyGroup: { state.keyGroups.group(ofHash: $0.key.stableHash) }, input: { $0.input }))
    }

    public mutating func close() {
        table.cancelAll()
        state.close()
    }
}
