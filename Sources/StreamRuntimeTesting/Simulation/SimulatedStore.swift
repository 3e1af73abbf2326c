import StreamRuntime
import Synchronization

/// An outside store with conditional writes: it throttles, loses answers after the effect, and does late what a process
/// asked for that is gone by then. What happens to a request depends on the seed and on who asks for the how-many-th time,
/// never on the order in which threads come by. Requests come from any thread, everything happens on the simulation's.
public final class SimulatedStore: @unchecked Sendable {  // `items` and `world`: the simulation's thread only
    public struct Item: Hashable, Sendable {
        public var version: Int64
        public var value: [UInt8]
    }
    public enum Condition: Hashable, Sendable {
        case absent(String)
        case version(String, Int64)
    }
    public struct Write: Hashable, Sendable {
        public var key: String
        public var value: [UInt8]
        public init(_ key: String, _ value: [UInt8]) {
            self.key = key
            self.value = value
        }
    }
    public enum Answer: Hashable, Sendable {
        case done
        /// Nothing was changed; the items of the conditions, as they are.
        case refused([String: Item])
        case found(Item?)
    }
    enum Request: Sendable {
        case read(String)
        case transact([Condition], [Write])
    }

    private let world: SimulatedWorld
    public private(set) var items: [String: Item] = [:]
    /// Of requests: refused because there are too many; answered never, half of them with their effect.
    var throttledProbability = 0.0
    var unansweredProbability = 0.0
    private let seed: UInt64

    init(_ world: SimulatedWorld, seed: UInt64) {
        self.world = world
        self.seed = seed
    }

    // MARK: What it does

    func perform(_ request: Request) -> Answer {
        switch request {
        case .read(let key): return .found(items[key])
        case .transact(let conditions, let writes):
            let holds = conditions.allSatisfy { condition in
                switch condition {
                case .absent(let key): items[key] == nil
                case .version(let key, let version): items[key]?.version == version
                }
            }
            guard holds else {
                let keys = conditions.map { condition in
                    switch condition {
                    case .absent(let key), .version(let key, _): key
                    }
                }
                return .refused(items.filter { keys.contains($0.key) })
            }
            for write in writes { put(write) }
            return .done
        }
    }

    private func put(_ write: Write) {
        items[write.key] = Item(version: (items[write.key]?.version ?? 0) + 1, value: write.value)
    }

    /// A batch without conditions, of which some may not be done: those are returned.
    func putBatch(_ writes: [Write]) -> [Write] {
        writes.filter { write in
            if world.chance(throttledProbability) { return true }
            put(write)
            return false
        }
    }

    var writeLatency: Int64 { world.number(in: 200_000...(world.chance(0.05) ? 200_000_000 : 5_000_000) as ClosedRange<Int64>) }
    var batchIsUnanswered: Bool { world.chance(unansweredProbability) }

    // MARK: What becomes of a request

    private enum Fate { case answered, throttled, lost, unanswered }

    /// Schedules a request that has arrived since the last time.
    func accept(_ request: Request, _ name: String, answer: @escaping (Result<Answer, any Error>) -> Void) {
        let dice = name.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        var generator = SeededGenerator(seed: dice)
        let unit = Double.random(in: 0..<1, using: &generator)
        var fate = Fate.answered
        if unit < throttledProbability {
            fate = .throttled
        } else if unit < throttledProbability + unansweredProbability {
            fate = generator.next() % 2 == 0 ? .lost : .unanswered
        }
        let isSlow = generator.next() % 40 == 0
        let latency = Int64.random(in: 100_000...(isSlow ? 900_000_000 : 8_000_000), using: &generator)
        world.after(latency) { [self] in
            switch fate {
            case .answered: answer(.success(perform(request)))
            case .throttled: answer(.failure(SimulatedStoreError.throttled))
            case .lost: world.trace.note("the store never gets a request", detail: name)
            case .unanswered:
                _ = perform(request)
                world.trace.note("the store's answer is lost", detail: name)
            }
        }
    }
}

/// What a simulated store says instead of an answer.
public enum SimulatedStoreError: Error, Sendable {
    case throttled
    /// The process that asked is gone.
    case gone
}

/// A process's access to a simulated store. Any thread.
public final class SimulatedStoreClient: Sendable {
    private struct Parked {
        let request: SimulatedStore.Request
        /// `nil` once nobody waits any more.
        var continuation: CheckedContinuation<SimulatedStore.Answer, any Error>?
        var isAccepted = false
    }
    private struct State {
        var parked: [String: Parked] = [:]
        var waiting = 0
        var asked: [String: Int] = [:]
        var isGone = false
    }
    private let state = Mutex(State())
    private let prefix: String

    init(processNumber: Int) { prefix = "p\(processNumber)" }

    public func read(_ key: String, by requester: String) async throws -> SimulatedStore.Item? {
        guard case .found(let item) = try await ask(.read(key), requester) else { return nil }
        return item
    }

    /// All of `writes` if every condition holds, else nothing.
    public func transact(
        _ conditions: [SimulatedStore.Condition], _ writes: [SimulatedStore.Write], by requester: String
    ) async throws -> SimulatedStore.Answer {
        try await ask(.transact(conditions, writes), requester)
    }

    /// `requester` names who asks, one thing at a time: the record in hand, for one.
    private func ask(_ request: SimulatedStore.Request, _ requester: String) async throws -> SimulatedStore.Answer {
        let name = state.withLock { state in
            state.asked[requester, default: 0] += 1
            return "\(prefix)/\(requester)/\(state.asked[requester] ?? 0)"
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let refusal: (any Error)? = state.withLock { state in
                    if state.isGone { return SimulatedStoreError.gone }
                    if Task.isCancelled { return CancellationError() }
                    state.parked[name] = Parked(request: request, continuation: continuation)
                    state.waiting += 1
                    return nil
                }
                if let refusal { continuation.resume(throwing: refusal) }
            }
        } onCancel: {
            take(name)?.resume(throwing: CancellationError())
        }
    }

    private func take(_ name: String) -> CheckedContinuation<SimulatedStore.Answer, any Error>? {
        state.withLock { state in
            guard let continuation = state.parked[name]?.continuation else { return nil }
            state.waiting -= 1
            // The request stays: it may be on its way.
            state.parked[name]?.continuation = nil
            return continuation
        }
    }

    /// How many wait for an answer.
    var waiting: Int { state.withLock { $0.waiting } }

    /// Hands requests that have arrived to the store, in an order of their own. The simulation's thread.
    func pass(to store: SimulatedStore, trace: SimulationTrace, answered: @escaping () -> Void) {
        let arrived = state.withLock { state in
            let names = state.parked.keys.filter { state.parked[$0]?.isAccepted == false }.sorted()
            return names.compactMap { name -> (String, SimulatedStore.Request)? in
                state.parked[name]?.isAccepted = true
                return state.parked[name].map { (name, $0.request) }
            }
        }
        for (name, request) in arrived {
            store.accept(request, name) { [weak self] result in
                guard let self, let continuation = take(name) else { return }
                trace.note("the store answers", detail: name)
                state.withLock { $0.parked[name] = nil }
                continuation.resume(with: result)
                answered()
            }
        }
    }

    /// The process is gone: what it asked for may still happen, and nobody is told.
    func leave() {
        let waiting = state.withLock { state in
            state.isGone = true
            state.waiting = 0
            let continuations = state.parked.values.compactMap(\.continuation)
            state.parked = [:]
            return continuations
        }
        for continuation in waiting { continuation.resume(throwing: SimulatedStoreError.gone) }
    }
}
