import StreamRuntime
import Testing

/// The rules B1 to B4 of `BatchQueue`.
@Suite struct BatchQueueTests {
    typealias Queue = BatchQueue<Int>

    private func queue(count: Int = 3, bytes: Int = 1000, ageMillis: Int = 10, inFlight: Int = 1) -> Queue {
        Queue(BatchLimits(countMax: count, bytesMax: bytes, ageMax: .milliseconds(ageMillis)), inFlightMax: inFlight)
    }

    private func millis(_ count: Int64) -> Int64 { count * 1_000_000 }

    @Test func aBatchEndsByItsCount() {
        var queue = queue()
        for element in 1...7 { queue.add(element, weight: 1) { 0 } }
        #expect(queue.take(nowNanos: 0)?.elements == [1, 2, 3])
    }

    @Test func aBatchEndsBeforeItGetsTooHeavy() {
        var queue = queue(count: 100, bytes: 10)
        for (element, weight) in [(1, 4), (2, 4), (3, 4), (4, 50), (5, 1)] { queue.add(element, weight: weight) { 0 } }
        var batches: [[Int]] = []
        while let batch = queue.take(nowNanos: millis(10)) {
            batches.append(batch.elements)
            queue.finished(batch.number)
        }
        #expect(batches == [[1, 2], [3], [4], [5]], "the heavy one alone, whole")
    }

    /// What a record says of its weight may be anything.
    @Test func weightsThatCannotBeAddedUpEndABatchAndNegativeOnesCountAsNone() {
        var queue = queue(count: 100, bytes: 10)
        for (element, weight) in [(1, 4), (2, Int.max), (3, 4), (4, Int.min), (5, Int.max)] {
            queue.add(element, weight: weight) { 0 }
        }
        var batches: [[Int]] = []
        while let batch = queue.take(nowNanos: millis(10)) {
            batches.append(batch.elements)
            queue.finished(batch.number)
        }
        #expect(batches == [[1], [2], [3, 4], [5]])
    }

    @Test func anOpenBatchWaitsForItsAge() {
        var queue = queue()
        queue.add(1, weight: 1) { millis(5) }
        #expect(queue.take(nowNanos: millis(14))?.elements == nil)
        #expect(queue.dueInNanos(nowNanos: millis(14)) == millis(1))
        #expect(queue.take(nowNanos: millis(15))?.elements == [1])
        #expect(queue.dueInNanos(nowNanos: millis(15)) == nil)
    }

    @Test func noMoreThanAllowedAreInFlightAndTheOrderIsKept() {
        var queue = queue(count: 1, inFlight: 2)
        for element in 1...4 { queue.add(element, weight: 1) { 0 } }
        let (first, second) = (queue.take(nowNanos: 0), queue.take(nowNanos: 0))
        #expect([first?.elements, second?.elements] == [[1], [2]])
        #expect(queue.inFlight == 2 && queue.take(nowNanos: 0)?.elements == nil)
        queue.finished(second!.number)
        #expect(queue.take(nowNanos: 0)?.elements == [3])
    }

    @Test func itIsNotReadyWhileTooMuchWaitsAndReadyAgainWithoutABarrier() {
        var queue = queue(count: 1)
        queue.add(1, weight: 1) { 0 }
        #expect(!queue.isReady)
        let first = queue.take(nowNanos: 0)
        #expect(queue.isReady)
        queue.add(2, weight: 1) { 0 }
        #expect(!queue.isReady)
        queue.finished(first!.number)
        _ = queue.take(nowNanos: 0)
        #expect(queue.isReady)
    }

    @Test func anEpochIsAcknowledgedWhenAllItsBatchesAre() {
        var queue = queue(count: 2, inFlight: 4)
        for element in 1...3 { queue.add(element, weight: 1) { 0 } }
        queue.endEpoch(Epoch(1))
        queue.add(4, weight: 1) { 0 }
        queue.endEpoch(Epoch(2))
        let batches = (0..<3).compactMap { _ in queue.take(nowNanos: 0) }
        #expect(batches.map(\.elements) == [[1, 2], [3], [4]], "no batch holds elements of two epochs")
        queue.finished(batches[2].number)
        queue.finished(batches[0].number)
        #expect(!queue.hasAcknowledged(Epoch(1)))
        queue.finished(batches[1].number)
        #expect(queue.hasAcknowledged(Epoch(1)))
        #expect(queue.hasAcknowledged(Epoch(2)))
    }

    @Test func anEpochWithoutElementsIsAcknowledgedAtOnce() {
        var queue = queue()
        queue.endEpoch(Epoch(1))
        #expect(queue.hasAcknowledged(Epoch(1)))
    }

    /// Random steps against what was put in: nothing lost, nothing doubled, acknowledged only when sent.
    @Test func randomRunsKeepTheRules() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<300 {
            var queue = queue(count: .random(in: 1...4, using: &random), bytes: 9, inFlight: .random(in: 1...3, using: &random))
            var inFlight: [(number: UInt64, elements: [Int])] = []
            var (added, sent, epochEnd, epoch, now) = (0, [Int](), [Epoch: Int](), UInt64(0), Int64(0))
            for _ in 0..<200 {
                switch Int.random(in: 0..<5, using: &random) {
                case 0, 1:
                    queue.add(added, weight: .random(in: 0...5, using: &random)) { now }
                    added += 1
                case 2:
                    if let batch = queue.take(nowNanos: now) { inFlight.append((batch.number, batch.elements)) }
                case 3:
                    guard let index = inFlight.indices.randomElement(using: &random) else { continue }
                    queue.finished(inFlight[index].number)
                    sent += inFlight.remove(at: index).elements
                default:
                    epoch += 1
                    queue.endEpoch(Epoch(epoch))
                    epochEnd[Epoch(epoch)] = added
                }
                now += millis(3)
                for (epoch, end) in epochEnd {
                    let isSent = Set(sent).isSuperset(of: 0..<end)
                    #expect(queue.hasAcknowledged(epoch) == isSent)
                }
            }
            #expect(Set(sent).count == sent.count)
        }
    }
}

extension BatchQueue {
    /// The answer without what it lets the queue forget: `#expect` calls nothing mutating.
    fileprivate func hasAcknowledged(_ epoch: Epoch) -> Bool {
        var copy = self
        return copy.isAcknowledged(through: epoch)
    }
}
