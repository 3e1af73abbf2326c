/// Which of a reader's queues is read next, and how much of it: each that has something gives its share, then the next one's
/// turn comes, so that their event times stay together when several have much to read. Pure.
package struct QueueTurns {
    package struct Take: Equatable {
        package let queue: Int
        package let count: Int

        package init(queue: Int, count: Int) {
            self.queue = queue
            self.count = count
        }
    }

    private let count: Int
    private let share: Int
    private var turn = 0

    /// `most`: what one take may come to; a share is its part of that, 64 at least.
    package init(queues count: Int, most: Int) {
        self.count = count
        share = min(most, max(64, most / max(1, count)))
    }

    /// `available`: what a queue has to give now; nothing while it is to be left alone.
    package mutating func next(atMost wanted: Int, available: (_ queue: Int) -> Int) -> Take? {
        for _ in 0..<count {
            let queue = turn
            turn = turn + 1 == count ? 0 : turn + 1
            let there = available(queue)
            if there > 0 { return Take(queue: queue, count: min(there, wanted, share)) }
        }
        return nil
    }
}
