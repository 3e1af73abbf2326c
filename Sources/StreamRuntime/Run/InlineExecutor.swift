/// Steps tasks on the thread of whoever calls `round`: the same tasks take the same steps in the same order every time.
/// Snapshots are written at once, or, where the order is shuffled, one a round, in any order.
final class InlineExecutor: TaskExecutor {
    private static let blockedNanos: Int64 = 1_000_000

    private let waker = Waker()
    private let clock: any RuntimeClock
    private var tasks: [StreamTask] = []
    private var order: TaskOrder
    private var failed: (@Sendable (AttemptFailure) -> Void)?
    /// Snapshots that wait to be written.
    private var writes: [@Sendable () -> Void] = []
    /// When a task wants a turn again, as of the last round.
    private(set) var deadlineNanos = Int64.max

    init(order: TaskOrder, clock: any RuntimeClock) {
        self.order = order
        self.clock = clock
    }

    func waker(ofSubtask subtask: Int) -> Waker { waker }
    func add(_ task: StreamTask, subtask: Int) { tasks.append(task) }
    func start(failed: @escaping @Sendable (AttemptFailure) -> Void) { self.failed = failed }
    func write(_ body: @escaping @Sendable () -> Void) {
        if order.isShuffled { writes.append(body) } else { body() }
    }

    func stop() {
        failed = nil
        while let write = writes.popLast() { write() }
    }

    /// As if the process had ended: what waits to be written is not.
    func abandon() {
        failed = nil
        writes = []
    }

    private func writeOne() -> Bool {
        guard !writes.isEmpty else { return false }
        writes.remove(at: order.pick(of: writes.count))()
        return true
    }

    /// One step of every task. True when any of them progressed. Nothing happens before `start` and after a failure.
    func round() -> Bool {
        guard let failed else { return false }
        var progressed = writeOne()
        deadlineNanos = .max
        for index in order.round(of: tasks.count) {
            do {
                switch try tasks[index].step() {
                case .progressed: progressed = true
                case .idle(let until): deadlineNanos = min(deadlineNanos, until)
                case .backPressured: deadlineNanos = min(deadlineNanos, clock.monotonicNanos() + Self.blockedNanos)
                }
            } catch {
                self.failed = nil
                failed(tasks[index].failure(error))
                return true
            }
        }
        return progressed
    }

    /// Requests that asynchronous operators are waiting for.
    var requestsInFlight: Int { tasks.reduce(0) { $0 + $1.requestsInFlight } }
}

/// In which order an `InlineExecutor` steps its tasks.
package enum TaskOrder: Sendable {
    /// As the plan has them: a chain before those it feeds.
    case inTurn
    /// Another order each round, all of them given by the generator's state.
    case shuffled(SeededGenerator)

    mutating func round(of count: Int) -> [Int] {
        guard case .shuffled(var generator) = self else { return Array(0..<count) }
        defer { self = .shuffled(generator) }
        return (0..<count).shuffled(using: &generator)
    }

    var isShuffled: Bool { if case .shuffled = self { true } else { false } }

    mutating func pick(of count: Int) -> Int {
        guard case .shuffled(var generator) = self else { return 0 }
        defer { self = .shuffled(generator) }
        return Int.random(in: 0..<count, using: &generator)
    }
}

/// SplitMix64: small, fast, and the same sequence for the same seed everywhere.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
