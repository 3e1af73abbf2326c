/// Decides what an attempt's coordinator does next. Pure: events in, actions out; no I/O, no clock.
///
/// Invariants:
/// P1. One epoch at a time: epoch N+1's barrier is triggered only after N is decided (rules 4, 6).
/// P2. An epoch is decided only after every task's snapshot of it is durable (rule 3) and every external
///     write of it acknowledged (rule 8; tasks report only then).
/// P3. Ending is an epoch like any other: the sources stop, the tasks drain, one last epoch is decided, and
///     only then the attempt finishes.
/// P4. While something outside is known to be down, no epoch is begun (rule 9).
package struct CheckpointProtocol {
    package enum Event: Equatable {
        case intervalElapsed
        /// A task's share of the epoch is durable.
        case written(task: Int, Epoch)
        case decided(Epoch)
        case sourceFinished(task: Int)
        case drained(task: Int)
        /// Stop with a final epoch; `drain`: after the records in flight have been worked off.
        case stopRequested(drain: Bool)
        case drainTimedOut
        case paused(Bool)
    }
    package enum Action: Equatable {
        case triggerBarrier(Epoch)
        case decide(Epoch)
        case drainSources
        case finish
    }
    private enum Phase: Equatable {
        case idle
        case collecting(Epoch, waiting: Set<Int>)
        case deciding(Epoch)
    }
    private enum Ending: Equatable {
        case none
        case draining(waiting: Set<Int>)
        case finalEpoch(Epoch?)
        case finished
    }

    private let tasks: Set<Int>
    private var runningSources: Set<Int>
    private var next: Epoch
    private var phase = Phase.idle
    private var ending = Ending.none
    private var isPaused = false
    /// The interval has passed while an epoch could not be begun.
    private var isDue = false

    package init(tasks: Set<Int>, sources: Set<Int>, firstEpoch: Epoch) {
        self.tasks = tasks
        runningSources = sources
        next = firstEpoch
    }

    /// The epoch whose barrier is on its way.
    package var openEpoch: Epoch? {
        switch phase {
        case .idle: nil
        case .collecting(let epoch, _), .deciding(let epoch): epoch
        }
    }

    /// True for the epoch that ends the job.
    package func isLast(_ epoch: Epoch) -> Bool { ending == .finalEpoch(epoch) }

    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .intervalElapsed:
            isDue = true
        case .written(let task, let epoch):
            guard case .collecting(epoch, var waiting) = phase else { return [] }
            waiting.remove(task)
            guard waiting.isEmpty else {
                phase = .collecting(epoch, waiting: waiting)
                return []
            }
            phase = .deciding(epoch)
            return [.decide(epoch)]
        case .decided(let epoch):
            precondition(phase == .deciding(epoch), "epoch \(epoch) decided in phase \(phase)")
            phase = .idle
            if case .finalEpoch(let last) = ending, last == epoch {
                ending = .finished
                return [.finish]
            }
        case .sourceFinished(let task):
            runningSources.remove(task)
            if runningSources.isEmpty { return beginDrain() }
        case .drained(let task):
            guard case .draining(var waiting) = ending else { return [] }
            waiting.remove(task)
            ending = waiting.isEmpty ? .finalEpoch(nil) : .draining(waiting: waiting)
        case .stopRequested(let drain):
            if drain { return beginDrain() }
            if case .finalEpoch = ending { break }
            if ending != .finished { ending = .finalEpoch(nil) }
        case .drainTimedOut:
            if case .draining = ending { ending = .finalEpoch(nil) }
        case .paused(let paused):
            isPaused = paused
        }
        return beginEpochIfPossible()
    }

    private mutating func beginDrain() -> [Action] {
        guard ending == .none else { return [] }
        ending = .draining(waiting: tasks)
        return [.drainSources]
    }

    private mutating func beginEpochIfPossible() -> [Action] {
        guard phase == .idle else { return [] }
        let isFinal = ending == .finalEpoch(nil)
        guard isFinal || (isDue && !isPaused && ending != .finished) else { return [] }
        let epoch = next
        next = next.next
        isDue = false
        if isFinal { ending = .finalEpoch(epoch) }
        phase = .collecting(epoch, waiting: tasks)
        return [.triggerBarrier(epoch)]
    }
}
