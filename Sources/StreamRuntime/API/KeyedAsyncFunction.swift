/// Per-key work that asks the outside world, with keyed state: requests of different keys run side by
/// side, requests of one key one after the other, in the order of their records.
///
/// `request` and `complete` run on the task thread, with state, and must not block; `perform` runs in Swift
/// concurrency. An input is part of every checkpoint from its arrival until it is completed; after a restore
/// its request is made again. So the effects of `perform` must be idempotent by an id taken from the input,
/// never from time or epoch (rule 8). docs/async.md has an example.
public protocol KeyedAsyncFunction<Key, Input, Output>: SendableMetatype {
    associatedtype Key: StreamKey
    /// Stored in checkpoints while in flight.
    associatedtype Input: StateCodable
    associatedtype Request: Sendable
    associatedtype Response: Sendable
    associatedtype Output

    /// What to ask, from the record and the state of its key.
    mutating func request(_ input: Input, key: Key) throws -> Request

    /// Asks. Must end when its task is cancelled (that is how a time-out is enforced).
    var perform: @Sendable (Request) async throws -> Response { get }

    /// Updates the state and emits the results.
    mutating func complete<Out: Collector>(_ input: Input, key: Key, _ response: Response, into out: inout Out) throws
    where Out.Element == Output

    /// What to do about a failed `perform`; `attempt` counts from 1.
    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict

    /// After the verdict `.fail`: updates the state and emits results all the same, as `complete` does, and returns true; or
    /// returns false, as the default does, to fail the attempt with the error.
    mutating func recover<Out: Collector>(
        _ input: Input, key: Key, from error: any Error, into out: inout Out
    ) throws -> Bool where Out.Element == Output
}

extension KeyedAsyncFunction {
    public mutating func recover<Out: Collector>(
        _ input: Input, key: Key, from error: any Error, into out: inout Out
    ) throws -> Bool where Out.Element == Output { false }
}

/// What happens to a request that failed.
public enum AsyncVerdict: Sendable {
    /// Ask again, `request` being called anew with the state as it then is.
    case retry(afterMillis: Int)
    /// The same, without limit, with the job shown as paused because of `reason` until a request succeeds.
    case waitOut(reason: String, retryAfterMillis: Int)
    /// Give up: `recover` may still have a result; without one the attempt fails, and the job restarts by its strategy.
    case fail
}

/// Exponential back-off with full jitter: a random time up to min(max, initial · 2^(attempt−1)).
public struct Backoff: Sendable {
    public var initialMillis: Int
    public var maxMillis: Int

    public init(initialMillis: Int = 20, maxMillis: Int = 2000) {
        self.initialMillis = initialMillis
        self.maxMillis = maxMillis
    }

    public func millis(attempt: Int) -> Int {
        let ceiling = min(Double(maxMillis), Double(initialMillis) * Double(1 << min(max(attempt - 1, 0), 30)))
        return Int(Double.random(in: 0...max(1, ceiling)))
    }
}

/// How much an asynchronous operator has in flight, and for how long.
public struct AsyncOptions: Sendable {
    /// Records in the operator at most, in flight or waiting for their key, per subtask; then back-pressure.
    public var capacity = 1024
    /// One request takes at most this long; then it is cancelled and counts as failed with `AsyncTimeout`.
    public var timeoutMillis = 10_000

    /// A century: no request takes longer, and sums of it with times do not overflow.
    static let timeoutMillisMax = 100 * 366 * 86_400_000

    public init(capacity: Int = 1024, timeoutMillis: Int = 10_000) {
        self.capacity = capacity
        self.timeoutMillis = timeoutMillis
    }
}

/// A request that took longer than `AsyncOptions.timeoutMillis`. Its effect may have happened.
public struct AsyncTimeout: Error, CustomStringConvertible {
    public let millis: Int
    public var description: String { "no answer within \(millis) ms" }
}

extension KeyedStream where Up.Element: StateCodable {
    /// Asynchronous work per key, see `KeyedAsyncFunction`. `make` runs once per subtask and declares state.
    @inlinable public func asyncProcess<F: KeyedAsyncFunction>(
        _ options: AsyncOptions = AsyncOptions(), _ make: @escaping @Sendable (KeyedStateContext<Key>) throws -> F
    ) -> Stream<Stage<InputHead<Element>, KeyedAsync<F>>> where F.Key == Key, F.Input == Element {
        let key = key
        return exchanged().stage("async", [.stateful, .asynchronous]) {
            try KeyedAsync(context: $0, options: options, key: key, make: make)
        }
    }
}
