/// Runs an `AsyncFunction`.
///
/// Invariants:
/// U1. Every input whose result has not been emitted is in each snapshot, in order of arrival; a restored one is asked for
///     again, before any new one.
/// U2. Results and watermarks leave in the order that `EmissionOrder` keeps; results carry their input's event time.
/// U3. A completion counts only for the attempt it belongs to: a late answer to a timed-out request is dropped.
/// U4. At `capacity` inputs, results that wait to be emitted included, the operator takes no more.
/// U5. Emission stops when an output is full, and goes on when there is room.
/// U6. Of the inputs that share a request one asks, and all get its answer or its failure.
public struct AsyncProcess<F: AsyncFunction>: Operator {
    public typealias Input = F.Input
    public typealias Output = F.Output
    private typealias Table = InFlightTable<F.Input, F.Response>
    private typealias Entry = Table.Entry

    private var function: F
    private let context: OperatorContext
    private let recordTime: RecordTime
    private let backPressure: BackPressure
    private let table: Table
    private var order: EmissionOrder
    private var markers = HeldMarkers()
    /// Results that wait for their turn.
    private var results: [UInt64: F.Output] = [:]
    /// Who waits for the answer to another one's request.
    private var followers: [F.Shared: [Entry]] = [:]
    /// What an entry asked that others may follow.
    private var leading: [UInt64: F.Shared] = [:]
    private var restored: [Entry] = []

    @usableFromInline init(context: OperatorContext, order: AsyncOrder, options: AsyncOptions, function: F) throws {
        self.context = context
        self.function = function
        self.order = EmissionOrder(order)
        recordTime = context.services.recordTime
        backPressure = context.services.backPressure
        table = InFlightTable(context: context, options: options)
        restored = try InFlightList<F.Input>.restored(context).map { admit($0.input, time: $0.time) }
    }

    private mutating func admit(_ input: F.Input, time: Int64) -> Entry {
        order.arrive()
        return table.admit(input, time: time)
    }

    public mutating func process<Down: Collector>(_ input: F.Input, into down: inout Down) throws
    where Down.Element == F.Output {
        let request = try function.request(input)
        if case .known(let output) = request, order.mayPass { return try down.collect(output) }
        begin(admit(input, time: recordTime.millis), request)
        try emit(into: &down)
    }

    private mutating func begin(_ entry: Entry, _ request: AsyncRequest<F.Request, F.Output>) {
        switch request {
        case .known(let output): settle(entry, output)
        case .ask(let question):
            if let shared = function.shared(question) {
                if followers[shared] != nil { return followers[shared, default: []].append(entry) }
                followers[shared] = []
                leading[entry.sequence] = shared
            }
            table.start(entry, question, function.perform)
        }
    }

    private mutating func settle(_ entry: Entry, _ output: F.Output) {
        results[entry.sequence] = output
        order.ready(entry.sequence)
    }

    /// The entry and those that follow it: all are to be settled.
    private mutating func served(by entry: Entry) -> [Entry] {
        guard let shared = leading.removeValue(forKey: entry.sequence) else { return [entry] }
        return [entry] + (followers.removeValue(forKey: shared) ?? [])
    }

    // MARK: Answers, failures, time-outs

    public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == F.Output {
        for entry in restored { begin(entry, try function.request(entry.item)) }
        restored = []
        for completion in table.takeCompletions() {
            guard let entry = table.current(completion) else { continue }
            switch completion.result {
            case .success(let response):
                table.endOutages()
                for entry in served(by: entry) { settle(entry, try function.complete(entry.item, response)) }
            case .failure(let error):
                try fail(entry, error)
            }
        }
        while let due = table.takeDue() {
            switch due {
            case .retry(let entry): try retry(entry)
            case .timeout(let entry): try fail(entry, AsyncTimeout(millis: table.timeoutMillis))
            }
        }
        table.askForTick()
        try emit(into: &down)
    }

    private mutating func retry(_ entry: Entry) throws {
        switch try function.request(entry.item) {
        case .ask(let question): table.start(entry, question, function.perform)
        case .known(let output):
            table.endOutages()  // it is not waited for any more; who still waits says so again
            settle(entry, output)
            for follower in served(by: entry).dropFirst() { begin(follower, try function.request(follower.item)) }
        }
    }

    private mutating func fail(_ entry: Entry, _ error: any Error) throws {
        switch function.verdict(on: error, attempt: entry.attempt) {
        case .retry(let delay): table.retry(entry, afterMillis: delay, outage: nil)
        case .waitOut(let reason, let delay): table.retry(entry, afterMillis: delay, outage: reason)
        case .fail:
            if !(error is AsyncTimeout) { table.endOutages() }  // an answer, if not a good one
            for entry in served(by: entry) {
                guard let output = try function.recover(entry.item, from: error) else { throw error }
                settle(entry, output)
            }
        }
    }

    // MARK: Results and time

    private mutating func emit<Down: Collector>(into down: inout Down) throws where Down.Element == F.Output {
        while true {
            guard !backPressure.isRaised else { return context.services.wantTimer(at: 0) }  // with the next step that may emit
            switch order.next() {
            case .result(let sequence):
                guard let entry = table.entry(sequence), let output = results.removeValue(forKey: sequence) else { continue }
                recordTime.millis = entry.time
                table.finish(entry)
                try down.collect(output)
            case .watermark(let time): try down.handle(.watermark(time))
            case .idle: try down.handle(.idle)
            case nil:
                let oldest = table.oldestSequence()
                for marker in markers.release(completedBelow: oldest) { try down.handle(.marker(marker)) }
                return
            }
        }
    }

    public mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws
    where Down.Element == F.Output {
        order.watermark(time)
        try emit(into: &down)
    }

    public mutating func marker<Down: Collector>(_ marker: LatencyMarker, into down: inout Down) throws
    where Down.Element == F.Output {
        markers.add(marker, before: table.nextSequence)
        try emit(into: &down)
    }

    public mutating func idle<Down: Collector>(into down: inout Down) throws where Down.Element == F.Output {
        order.idle()
        try emit(into: &down)
    }

    // MARK: Checkpoints

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        // All under one key group: they stay together, in order, at any parallelism.
        let keyGroup = context.ownedKeyGroups.lowerBound
        snapshot.add(
            InFlightList<F.Input>.list(
                of: context.operatorID, table.entriesInOrder(), keyGroup: { _ in keyGroup }, input: { $0 }))
    }

    public mutating func close() { table.cancelAll() }
}
