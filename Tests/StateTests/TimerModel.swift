import StreamRuntime

/// Keys the timer tests run with: made from small numbers.
protocol TestKey: StreamKey, Comparable { static func make(_ number: Int) -> Self }

extension Int64: TestKey { static func make(_ number: Int) -> Int64 { Int64(number) } }

/// They agree in their first eight encoded bytes.
extension String: TestKey { static func make(_ number: Int) -> String { "user-id-\(number + 100)" } }

/// All subtasks of an operator with timers in both domains, beside a naive model.
final class TimerCluster<Key: TestKey> {
    struct Timer: Hashable {
        var millis: Int64
        var key: Key
    }
    struct Model: Equatable {
        var processing: Set<Timer> = []
        var event: Set<Timer> = []
    }

    private let world: StateWorld
    private let parallelism: Int
    private var subtasks: [(state: OperatorState, timers: TimerService<Key>, fault: StateFault)] = []
    var model: Model

    init(
        _ world: StateWorld, _ backend: any StateBackend, parallelism: Int, restore: [StatePart], model: Model,
        limits: TimerLimits
    ) throws {
        self.world = world
        self.parallelism = parallelism
        self.model = model
        let attempt = AttemptID.random()
        for subtask in 0..<parallelism {
            let fault = StateFault()
            let context = world.context(subtask: subtask, parallelism: parallelism, restore: restore, attempt: attempt)
            let state = try OperatorState(context, backend: backend, fault: fault)
            let timers = try state.timerService(Key.self, limits: limits)
            try state.seal()
            try timers.restore()
            subtasks.append((state, timers, fault))
        }
    }

    func close() { for subtask in subtasks { subtask.state.close() } }

    func snapshot(_ epoch: Epoch) throws -> [any PendingSnapshot] {
        for subtask in subtasks { if let error = subtask.fault.error { throw error } }
        return try subtasks.map { try $0.state.snapshot(epoch) }
    }

    private func timers(of key: Key) -> TimerService<Key> {
        let group = world.keyGroups.group(ofHash: key.stableHash)
        return subtasks[world.keyGroups.subtask(of: group, parallelism: parallelism)].timers
    }

    // MARK: Operations on both

    private func randomTimer(_ random: inout SeededGenerator) -> Timer {
        let millis: Int64 =
            switch Int.random(in: 0..<20, using: &random) {
            case 0: .min
            case 1: .max
            case 2: Int64.random(in: .min ... .max, using: &random)
            case 3..<10: 1000  // an instant for many
            default: Int64.random(in: -200...2000, using: &random)
            }
        return Timer(millis: millis, key: Key.make(Int.random(in: 0..<60, using: &random)))
    }

    func step(_ random: inout SeededGenerator) {
        let isDelete = Int.random(in: 0..<3, using: &random) == 0
        var timer = randomTimer(&random)
        if Bool.random(using: &random) {
            if isDelete {
                if Bool.random(using: &random), let present = model.event.first { timer = present }
                timers(of: timer.key).deleteEventTime(at: timer.millis, for: timer.key)
                model.event.remove(timer)
            } else {
                timers(of: timer.key).registerEventTime(at: timer.millis, for: timer.key)
                model.event.insert(timer)
            }
        } else if isDelete {
            if Bool.random(using: &random), let present = model.processing.first { timer = present }
            timers(of: timer.key).delete(at: timer.millis, for: timer.key)
            model.processing.remove(timer)
        } else {
            timers(of: timer.key).register(at: timer.millis, for: timer.key)
            model.processing.insert(timer)
        }
    }

    /// Takes at most `count` timers up to a time from both domains of every subtask. Returns what was wrong.
    func fire(upTo millis: Int64, atMost count: Int) -> String? {
        for subtask in subtasks.indices {
            let timers = subtasks[subtask].timers
            let faults = [
                drain("event", subtask, millis, count, &model.event) { timers.nextEventTime(upTo: millis) },
                drain("processing", subtask, millis, count, &model.processing) { timers.next(dueAt: millis) },
            ]
            if let fault = faults.compactMap({ $0 }).first { return fault }
        }
        return nil
    }

    private func drain(
        _ domain: String, _ subtask: Int, _ millis: Int64, _ count: Int, _ model: inout Set<Timer>,
        _ next: () -> (millis: Int64, key: Key)?
    ) -> String? {
        func isOwned(_ timer: Timer) -> Bool {
            world.keyGroups.subtask(of: world.keyGroups.group(ofHash: timer.key.stableHash), parallelism: parallelism) == subtask
        }
        var due = model.filter { $0.millis <= millis && isOwned($0) }.map(\.millis).sorted()[...]
        for _ in 0..<count {
            guard let fired = next() else {
                return due.isEmpty ? nil : "\(domain): \(due.count) timers up to \(millis) are left, none fires"
            }
            guard let expected = due.popFirst(), fired.millis == expected else {
                return "\(domain): fired at \(fired.millis), should be \(due.first.map(String.init) ?? "none")"
            }
            guard model.remove(Timer(millis: fired.millis, key: fired.key)) != nil else {
                return "\(domain): \(fired) was not registered"
            }
        }
        return nil
    }
}
