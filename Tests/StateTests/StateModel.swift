import StreamRuntime

/// What the state of the conformance job should be: plain dictionaries.
struct StateModel: Equatable {
    struct Timer: Hashable {
        var millis: Int64
        var key: Int64
    }
    var values: [Int64: Int64] = [:]
    var lists: [Int64: [Int64]] = [:]
    var maps: [Int64: [String: Int64]] = [:]
    var largeMaps: [Int64: [Int64: Int64]] = [:]
    var sums: [String: Int64] = [:]
    var timers: Set<Timer> = []
}

/// One subtask of the conformance job: an operator with every kind of state.
final class StateSubtask {
    let owned: Range<Int>
    let state: OperatorState
    let fault = StateFault()
    let timers: TimerService<Int64>
    let values: ValueState<Int64, Int64>
    let lists: ListState<Int64, Int64>
    let maps: MapState<Int64, String, Int64>
    let largeMaps: LargeMapState<Int64, Int64, Int64>
    let sums: ReducingState<String, Int64>

    init(_ context: StateStoreContext, _ backend: any StateBackend) throws {
        owned = context.owned
        state = try OperatorState(context, backend: backend, fault: fault)
        timers = try state.timerService(Int64.self)
        values = try state.keyed(by: Int64.self).value("values", Int64.self)
        lists = try state.keyed(by: Int64.self).list("lists", Int64.self)
        maps = try state.keyed(by: Int64.self).map("maps", String.self, Int64.self)
        largeMaps = try state.keyed(by: Int64.self).largeMap("largeMaps", Int64.self, Int64.self)
        sums = try state.keyed(by: String.self).reducing("sums", Int64.self) { $0 &+ $1 }
        try state.seal()
        try timers.restore()
    }
}

/// All subtasks of an attempt, and the operations both they and the model know.
final class StateCluster {
    static let keyCount: Int64 = 4000
    static let timerMillisMax: Int64 = 1_000_000

    let world: StateWorld
    let parallelism: Int
    let subtasks: [StateSubtask]
    var model: StateModel

    init(
        _ world: StateWorld, _ backend: any StateBackend, parallelism: Int, restore: [StatePart], model: StateModel
    )
        throws
    {
        self.world = world
        self.parallelism = parallelism
        self.model = model
        let attempt = AttemptID.random()
        subtasks = try (0..<parallelism).map {
            try StateSubtask(
                world.context(subtask: $0, parallelism: parallelism, restore: restore, attempt: attempt), backend)
        }
    }

    func close() { for subtask in subtasks { subtask.state.close() } }

    func checkFaults() throws {
        for subtask in subtasks { if let error = subtask.fault.error { throw error } }
    }

    private func owner(_ key: some StreamKey) -> StateSubtask {
        let group = world.keyGroups.group(ofHash: key.stableHash)
        return subtasks[world.keyGroups.subtask(of: group, parallelism: parallelism)]
    }

    private func name(_ key: Int64) -> String { "user-\(key)-with a name of its own" }

    /// One random operation on state and model; what it reads must agree. Returns what differed.
    func step(_ random: inout SeededGenerator) -> String? {
        let key = Int64.random(in: 0..<Self.keyCount, using: &random)
        let number = Int64.random(in: -1000...1000, using: &random)
        let subtask = owner(key)
        switch Int.random(in: 0..<22, using: &random) {
        case 0, 1:
            subtask.values[key] = number
            model.values[key] = number
        case 2, 3:
            subtask.values[key, default: 7] += number
            model.values[key, default: 7] += number
        case 4:
            let removed = subtask.values.remove(key)
            return differs("removed value of \(key)", removed, model.values.removeValue(forKey: key))
        case 5:
            return differs("value of \(key)", subtask.values[key], model.values[key])
        case 6:
            subtask.lists.append(number, for: key)
            model.lists[key, default: []].append(number)
        case 7:
            return differs("removed list of \(key)", subtask.lists.remove(key), model.lists.removeValue(forKey: key) ?? [])
        case 8:
            return differs("list of \(key)", subtask.lists[key], model.lists[key] ?? [])
        case 9:
            subtask.maps[key, "k\(number % 5)"] = number
            model.maps[key, default: [:]]["k\(number % 5)"] = number
        case 10:
            subtask.maps[key, "k\(number % 5)"] = nil
            model.maps[key]?["k\(number % 5)"] = nil
            if model.maps[key]?.isEmpty == true { model.maps[key] = nil }
            return differs("map of \(key)", subtask.maps[key], model.maps[key] ?? [:])
        case 11...16: return stepLargeMap(number.isMultiple(of: 2) ? key : key % 3, number, &random)
        default: return stepNamed(key, number, &random)
        }
        return nil
    }

    /// Some keys have a map of many parts, most a small one.
    private func stepLargeMap(_ key: Int64, _ number: Int64, _ random: inout SeededGenerator) -> String? {
        let maps = owner(key).largeMaps
        let userKey = Int64.random(in: 0..<3000, using: &random)
        var expected = model.largeMaps[key] ?? [:]
        defer { model.largeMaps[key] = expected.isEmpty ? nil : expected }
        let what = "large map of \(key)"
        switch Int.random(in: 0..<64, using: &random) {
        case 0..<32:
            maps[key, userKey] = number
            expected[userKey] = number
        case 32..<44:
            maps[key, userKey, default: 5] += number
            expected[userKey, default: 5] += number
        case 44..<56:
            let userKey = expected.keys.filter { $0 >= userKey }.min() ?? userKey
            let removed = maps.remove(userKey, of: key)
            return differs("entry \(userKey) removed from \(what)", removed, expected.removeValue(forKey: userKey))
        case 56..<62:
            return differs("entry \(userKey) of \(what)", maps[key, userKey], expected[userKey])
                ?? differs("\(what)", maps[key], expected)
                ?? differs("count of \(what)", maps.count(of: key), expected.count)
                ?? differs("emptiness of \(what)", maps.isEmpty(key), expected.isEmpty)
        case 62:
            maps.removeAll(of: key) { userKey, _ in !userKey.isMultiple(of: 4) }
            expected = expected.filter { $0.key.isMultiple(of: 4) }
        default:
            maps.remove(key)
            expected = [:]
        }
        return nil
    }

    private func stepNamed(_ key: Int64, _ number: Int64, _ random: inout SeededGenerator) -> String? {
        let name = name(key)
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            let sum = owner(name).sums.add(number, for: name)
            model.sums[name] = model.sums[name].map { $0 &+ number } ?? number
            return differs("sum of \(name)", sum, model.sums[name] ?? 0)
        case 1:
            return differs("removed sum of \(name)", owner(name).sums.remove(name), model.sums.removeValue(forKey: name))
        case 2, 3:
            let millis = Int64.random(in: 0..<Self.timerMillisMax, using: &random)
            owner(key).timers.register(at: millis, for: key)
            model.timers.insert(.init(millis: millis, key: key))
        default:
            guard let timer = model.timers.min(by: { ($0.millis, $0.key) < ($1.millis, $1.key) }) else { return nil }
            owner(timer.key).timers.delete(at: timer.millis, for: timer.key)
            model.timers.remove(timer)
        }
        return nil
    }

    /// Fires every timer up to `millis`.
    func fireTimers(at millis: Int64) -> String? {
        var fired: [StateModel.Timer] = []
        for subtask in subtasks {
            while let timer = subtask.timers.next(dueAt: millis) { fired.append(.init(millis: timer.millis, key: timer.key)) }
        }
        let due = model.timers.filter { $0.millis <= millis }
        model.timers.subtract(due)
        return fired.count == due.count && Set(fired) == due ? nil : "fired \(fired.count) timers, due were \(due.count)"
    }

    /// Compares every key there could be.
    func differences() -> [String] {
        var found: [String?] = []
        for key in 0..<Self.keyCount {
            let subtask = owner(key)
            found.append(differs("value of \(key)", subtask.values[key], model.values[key]))
            found.append(differs("list of \(key)", subtask.lists[key], model.lists[key] ?? []))
            found.append(differs("map of \(key)", subtask.maps[key], model.maps[key] ?? [:]))
            found.append(differs("large map of \(key)", subtask.largeMaps[key], model.largeMaps[key] ?? [:]))
            found.append(differs("sum of \(name(key))", owner(name(key)).sums[name(key)], model.sums[name(key)]))
        }
        return found.compactMap { $0 }
    }

    private func differs<T: Equatable>(_ what: String, _ actual: T, _ expected: T) -> String? {
        actual == expected ? nil : "\(what) is \(actual), should be \(expected)"
    }
}
