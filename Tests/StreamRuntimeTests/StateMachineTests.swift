import StreamRuntime
import Testing

/// Every order in which barriers can arrive.
@Suite struct BarrierAlignerTests {
    @Test(arguments: 1...4) func anyOrderOfArrivalAlignsOnceWithTheLast(inputs: Int) throws {
        for order in permutations(Array(0..<inputs)) {
            var aligner = BarrierAligner(inputCount: inputs)
            for epoch in [Epoch(1), Epoch(2)] {
                for (position, input) in order.enumerated() {
                    #expect(!aligner.isHeld(input))
                    let outcome = try aligner.barrier(epoch, from: input)
                    let isLast = position == inputs - 1
                    #expect(outcome == (isLast ? .aligned(epoch) : .wait))
                    for seen in order.prefix(position + 1) { #expect(aligner.isHeld(seen) == !isLast) }
                }
                #expect(aligner.aligning == nil)
            }
        }
    }

    @Test func aSecondBarrierOfOneInputIsAnError() throws {
        var aligner = BarrierAligner(inputCount: 2)
        _ = try aligner.barrier(Epoch(1), from: 0)
        #expect(throws: BarrierAligner.OutOfOrder.self) { _ = try aligner.barrier(Epoch(1), from: 0) }
    }

    @Test func anotherEpochWhileOneIsBeingAlignedIsAnError() throws {
        var aligner = BarrierAligner(inputCount: 2)
        _ = try aligner.barrier(Epoch(1), from: 0)
        #expect(throws: BarrierAligner.OutOfOrder.self) { _ = try aligner.barrier(Epoch(2), from: 1) }
    }

    private func permutations(_ items: [Int]) -> [[Int]] {
        guard items.count > 1 else { return [items] }
        return items.indices.flatMap { index -> [[Int]] in
            var rest = items
            let first = rest.remove(at: index)
            return permutations(rest).map { [first] + $0 }
        }
    }
}

@Suite struct CheckpointProtocolTests {
    private func machine() -> CheckpointProtocol {
        CheckpointProtocol(tasks: [0, 1, 2], sources: [0], firstEpoch: Epoch(5))
    }

    @Test func anEpochIsDecidedAfterEveryTaskHasWrittenAndOnlyThenTheNextBegins() {
        var machine = machine()
        #expect(machine.handle(.intervalElapsed) == [.triggerBarrier(Epoch(5))])
        #expect(machine.handle(.intervalElapsed) == [])  // P1: due again, but 5 is open
        #expect(machine.handle(.written(task: 0, Epoch(5))) == [])
        #expect(machine.handle(.written(task: 2, Epoch(5))) == [])
        #expect(machine.handle(.written(task: 1, Epoch(5))) == [.decide(Epoch(5))])
        #expect(machine.openEpoch == Epoch(5))
        #expect(machine.handle(.decided(Epoch(5))) == [.triggerBarrier(Epoch(6))])
    }

    @Test func aReportOfAnotherEpochCountsForNothing() {
        var machine = machine()
        _ = machine.handle(.intervalElapsed)
        #expect(machine.handle(.written(task: 0, Epoch(4))) == [])
        #expect(machine.handle(.written(task: 1, Epoch(5))) == [])
        #expect(machine.handle(.written(task: 2, Epoch(5))) == [])
        #expect(machine.openEpoch == Epoch(5))
    }

    @Test func noEpochBeginsWhilePausedAndOneDoesAfter() {
        var machine = machine()
        #expect(machine.handle(.paused(true)) == [])
        #expect(machine.handle(.intervalElapsed) == [])
        #expect(machine.handle(.paused(false)) == [.triggerBarrier(Epoch(5))])
    }

    @Test func aStopDrainsThenDecidesALastEpochThenFinishes() {
        var machine = machine()
        #expect(machine.handle(.stopRequested(drain: true)) == [.drainSources])
        #expect(machine.handle(.drained(task: 0)) == [])
        #expect(machine.handle(.drained(task: 1)) == [])
        #expect(machine.handle(.drained(task: 2)) == [.triggerBarrier(Epoch(5))])
        for task in 0..<2 { #expect(machine.handle(.written(task: task, Epoch(5))) == []) }
        #expect(machine.handle(.written(task: 2, Epoch(5))) == [.decide(Epoch(5))])
        #expect(machine.handle(.decided(Epoch(5))) == [.finish])
        #expect(machine.handle(.intervalElapsed) == [])
    }

    @Test func aDrainThatTakesTooLongIsCutShortByTheLastEpoch() {
        var machine = machine()
        _ = machine.handle(.stopRequested(drain: true))
        #expect(machine.handle(.drainTimedOut) == [.triggerBarrier(Epoch(5))])
    }

    @Test func aStopDuringAnEpochWaitsForItsDecision() {
        var machine = machine()
        _ = machine.handle(.intervalElapsed)
        #expect(machine.handle(.stopRequested(drain: false)) == [])
        for task in 0..<3 { _ = machine.handle(.written(task: task, Epoch(5))) }
        #expect(machine.handle(.decided(Epoch(5))) == [.triggerBarrier(Epoch(6))])
    }

    @Test func aPausedJobCanBeStopped() {
        var machine = machine()
        _ = machine.handle(.paused(true))
        #expect(machine.handle(.stopRequested(drain: false)) == [.triggerBarrier(Epoch(5))])
    }

    @Test func theEndOfAllSourcesIsAStop() {
        var machine = CheckpointProtocol(tasks: [0, 1], sources: [0, 1], firstEpoch: Epoch(1))
        #expect(machine.handle(.sourceFinished(task: 0)) == [])
        #expect(machine.handle(.sourceFinished(task: 1)) == [.drainSources])
    }
}

@Suite struct RestartDeciderTests {
    @Test func noneGivesUpAtOnce() {
        var decider = RestartDecider(.none)
        #expect(decider.failed(atMillis: 0, livedMillis: 0, unit: 0.5) == .giveUp(reason: "the restart strategy is 'none'"))
    }

    @Test func fixedDelayCountsItsAttempts() {
        var decider = RestartDecider(.fixedDelay(attempts: 2, delayMillis: 7))
        #expect(decider.failed(atMillis: 0, livedMillis: 0, unit: 0) == .restart(afterMillis: 7))
        #expect(decider.failed(atMillis: 1, livedMillis: 0, unit: 0) == .restart(afterMillis: 7))
        #expect(decider.failed(atMillis: 2, livedMillis: 0, unit: 0) == .giveUp(reason: "all 2 restarts are used up"))
    }

    @Test func exponentialDoublesUpToItsMaximumAndStartsOverAfterALongLife() {
        var decider = RestartDecider(.exponential(initialMillis: 10, maxMillis: 50, jitter: 0, resetAfterMillis: 1000))
        var delays: [RestartDecider.Verdict] = []
        for lived in [0, 0, 0, 0, 0, 2000] {
            delays.append(decider.failed(atMillis: 0, livedMillis: Int64(lived), unit: 0.5))
        }
        #expect(delays == [10, 20, 40, 50, 50, 10].map { .restart(afterMillis: $0) })
    }

    @Test func jitterStaysWithinItsShare() {
        for unit in [0.0, 0.25, 0.999] {
            var decider = RestartDecider(.exponential(initialMillis: 100, maxMillis: 1000, jitter: 0.1, resetAfterMillis: 1))
            guard case .restart(let delay) = decider.failed(atMillis: 0, livedMillis: 0, unit: unit) else {
                Issue.record("gave up")
                continue
            }
            #expect((90...110).contains(delay))
        }
    }

    @Test func failureRateForgetsOldFailures() {
        var decider = RestartDecider(.failureRate(failures: 2, perMillis: 100, delayMillis: 1))
        #expect(decider.failed(atMillis: 0, livedMillis: 0, unit: 0) == .restart(afterMillis: 1))
        #expect(decider.failed(atMillis: 10, livedMillis: 0, unit: 0) == .restart(afterMillis: 1))
        #expect(decider.failed(atMillis: 150, livedMillis: 0, unit: 0) == .restart(afterMillis: 1))
        #expect(decider.failed(atMillis: 160, livedMillis: 0, unit: 0) == .restart(afterMillis: 1))
        guard case .giveUp = decider.failed(atMillis: 170, livedMillis: 0, unit: 0) else {
            Issue.record("three failures within 100 ms, two are allowed")
            return
        }
    }
}
