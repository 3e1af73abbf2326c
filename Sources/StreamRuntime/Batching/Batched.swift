extension Stream where Element: StateCodable {
    /// The records in arrays: what one request to an outside system takes. Followed by `asyncMap` it gives a write whose
    /// answers the job can use: records that the system refuses, for one.
    ///
    ///     trades.batched(BatchLimits(countMax: 1000, ageMax: .milliseconds(200)))
    ///         .asyncMap(.unordered, AsyncOptions(capacity: 4)) { batch in try await history.record(batch) }
    ///
    /// What waits for company is part of every checkpoint. A batch has the event time of its last record; watermarks do not
    /// wait for it.
    @inlinable public func batched(
        _ limits: BatchLimits = BatchLimits(), weight: @escaping @Sendable (Element) -> Int = { _ in 1 }
    ) -> Stream<Stage<C, Batched<Element>>> {
        stage("batched", .stateful) { try Batched(context: $0, limits: limits, weight: weight) }
    }
}

/// `Stream.batched`.
public struct Batched<Element: StateCodable>: Operator {
    public typealias Input = Element
    public typealias Output = [Element]

    private let services: TaskServices
    private let clock: any RuntimeClock
    private let limits: BatchLimits
    private let weight: @Sendable (Element) -> Int
    private let stored: OperatorListState<Element>
    /// The batch's event time, once for each element: so it is dealt out as they are. Empty in a stream without.
    private let storedTimes: OperatorListState<Int64>
    private var open = OpenBatch<Element>()
    private var lastTime = Int64.min
    /// A task does not end while an operator has something pending.
    private var isPending = false

    @usableFromInline init(
        context: OperatorContext, limits: BatchLimits, weight: @escaping @Sendable (Element) -> Int
    ) throws {
        services = context.services
        clock = context.clock
        self.limits = limits
        self.weight = weight
        stored = try context.listState("open", Element.self, redistribution: .split)
        storedTimes = try context.listState("open-times", Int64.self, redistribution: .split)
        for element in stored.elements { add(element) }
        lastTime = storedTimes.elements.last ?? .min
        stored.elements = []
        storedTimes.elements = []
    }

    public mutating func process<Down: Collector>(_ input: Element, into down: inout Down) throws
    where Down.Element == [Element] {
        let time = services.recordTime.millis
        if open.isTooFull(for: weight(input), limits) { try emit(into: &down) }
        lastTime = time
        add(input)
        if open.isComplete(limits) { try emit(into: &down) }
    }

    private mutating func add(_ element: Element) {
        let isFirst = open.isEmpty
        open.add(element, weight: weight(element)) { [clock] in clock.monotonicNanos() }
        if isFirst { askForTick() }
        setPending(true)
    }

    private mutating func emit<Down: Collector>(into down: inout Down) throws where Down.Element == [Element] {
        let elements = open.take()
        setPending(false)
        services.recordTime.millis = lastTime
        try down.collect(elements)
    }

    public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == [Element] {
        guard !open.isEmpty else { return }
        if open.isDue(limits, nowNanos: clock.monotonicNanos()) { try emit(into: &down) } else { askForTick() }
    }

    private func askForTick() {
        services.wantTick(atNanos: open.openedNanos + limits.ageNanosMax)
    }

    private mutating func setPending(_ isPending: Bool) {
        guard isPending != self.isPending else { return }
        self.isPending = isPending
        services.pending += isPending ? 1 : -1
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        stored.elements = open.elements
        storedTimes.elements = lastTime == .min ? [] : open.elements.map { _ in lastTime }
    }
}
