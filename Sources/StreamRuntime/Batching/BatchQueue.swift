/// What a batching sink does next, as elements come, requests end and epochs pass. Pure: no I/O, no clock.
///
/// B1. Batches begin to be sent in the order of their elements, `inFlightMax` side by side at most.
/// B2. An epoch is acknowledged once every batch with an element written before its end has been sent with success.
/// B3. A batch never holds elements of two epochs.
/// B4. Elements are always taken; `isReady` is false while `inFlightMax` complete batches wait, and becomes true by
///     requests ending alone.
package struct BatchQueue<Element> {
    package struct Batch {
        package let number: UInt64
        package let elements: [Element]
    }

    private let limits: BatchLimits
    private let inFlightMax: Int
    private var open = OpenBatch<Element>()
    /// Complete, not yet sent.
    private var complete: [Batch] = []
    /// Complete, not yet acknowledged; at most a few.
    private var outstanding: Set<UInt64> = []
    private var next: UInt64 = 0
    /// Batches below `end` are those of `epoch` and before.
    private var ends: [(epoch: Epoch, end: UInt64)] = []

    package init(_ limits: BatchLimits, inFlightMax: Int) {
        self.limits = limits
        self.inFlightMax = max(1, inFlightMax)
    }

    package var inFlight: Int { outstanding.count - complete.count }
    package var isReady: Bool { complete.count < inFlightMax }

    package mutating func add(_ element: Element, weight: Int, nowNanos: () -> Int64) {
        if open.isTooFull(for: weight, limits) { complete(open.take()) }
        open.add(element, weight: weight, nowNanos: nowNanos)
        if open.isComplete(limits) { complete(open.take()) }
    }

    private mutating func complete(_ elements: [Element]) {
        complete.append(Batch(number: next, elements: elements))
        outstanding.insert(next)
        next += 1
    }

    /// The next batch to send now, if there is one; `finished` follows. An open batch is taken when it is old enough.
    package mutating func take(nowNanos: Int64) -> Batch? {
        guard inFlight < inFlightMax else { return nil }
        if complete.isEmpty, open.isDue(limits, nowNanos: nowNanos) { complete(open.take()) }
        return complete.isEmpty ? nil : complete.removeFirst()
    }

    /// How long until the open batch is old enough; `nil` when there is none, or no room to send it.
    package func dueInNanos(nowNanos: Int64) -> Int64? {
        guard !open.isEmpty, inFlight < inFlightMax else { return nil }
        return max(0, open.openedNanos + limits.ageNanosMax - nowNanos)
    }

    package mutating func finished(_ number: UInt64) { outstanding.remove(number) }

    package mutating func endEpoch(_ epoch: Epoch) {
        if !open.isEmpty { complete(open.take()) }
        ends.append((epoch, next))
    }

    package mutating func isAcknowledged(through epoch: Epoch) -> Bool {
        guard let end = ends.last(where: { $0.epoch <= epoch })?.end else { return true }
        guard outstanding.allSatisfy({ $0 >= end }) else { return false }
        ends.removeAll { $0.epoch < epoch }
        return true
    }
}

extension BatchQueue.Batch: Sendable where Element: Sendable {}
