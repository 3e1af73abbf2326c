extension Stream where Element: StateCodable & Sendable {
    /// Joins each record with what an outside system has under its key, or with `nil`.
    ///
    ///     orders.lookup(by: \.customer, cache: LookupCache(maxEntries: 50_000, ttl: .minutes(5))) { id in
    ///         try await customers.find(id)
    ///     } join: { order, customer in
    ///         Enriched(order, customer)
    ///     }
    ///
    /// A processing-time join: a record sees the value as it was when it was fetched, up to the cache's age. `fetch` runs in
    /// Swift concurrency; records of a subtask that need the same key at the same time ask once. When `failures` give up on
    /// a request, `onFailure` says what counts as its value (not cached); without it the attempt fails.
    @inlinable public func lookup<Key: Hashable & Sendable, Value: Sendable, Output>(
        by key: @escaping @Sendable (Element) -> Key, _ order: AsyncOrder = .ordered,
        _ options: AsyncOptions = AsyncOptions(), cache: LookupCache = LookupCache(), failures: AsyncFailures = .fail,
        onFailure: (@Sendable (Element, any Error) throws -> Value?)? = nil,
        fetch: @escaping @Sendable (Key) async throws -> Value?,
        join: @escaping @Sendable (Element, Value?) throws -> Output
    ) -> Stream<Stage<C, AsyncProcess<LookupFunction<Element, Key, Value, Output>>>> {
        asyncStage("lookup", order, options) {
            LookupFunction(
                context: $0, key: key, cache: cache, failures: failures, onFailure: onFailure, fetch: fetch, join: join)
        }
    }

    /// `lookup` that always has a value to join with: `fallback`, when there is none or when the request failed.
    @inlinable public func enriched<Key: Hashable & Sendable, Value: Sendable, Output>(
        by key: @escaping @Sendable (Element) -> Key, fallback: Value, _ order: AsyncOrder = .ordered,
        _ options: AsyncOptions = AsyncOptions(), cache: LookupCache = LookupCache(), failures: AsyncFailures = .fail,
        fetch: @escaping @Sendable (Key) async throws -> Value?,
        join: @escaping @Sendable (Element, Value) throws -> Output
    ) -> Stream<Stage<C, AsyncProcess<LookupFunction<Element, Key, Value, Output>>>> {
        lookup(
            by: key, order, options, cache: cache, failures: failures, onFailure: { _, _ in nil }, fetch: fetch,
            join: { try join($0, $1 ?? fallback) })
    }
}

/// `Stream.lookup`.
public struct LookupFunction<Input: StateCodable & Sendable, Key: Hashable & Sendable, Value: Sendable, Output>:
    AsyncFunction
{
    private let key: @Sendable (Input) -> Key
    private let join: @Sendable (Input, Value?) throws -> Output
    private let failures: AsyncFailures
    private let onFailure: (@Sendable (Input, any Error) throws -> Value?)?
    private let clock: any RuntimeClock
    private let hits: MetricRegistry.Cell
    private let misses: MetricRegistry.Cell
    private let entries: MetricRegistry.Cell
    private var cache: AnswerCache<Key, Value>
    public let perform: @Sendable (Key) async throws -> Value?

    @usableFromInline init(
        context: OperatorContext, key: @escaping @Sendable (Input) -> Key, cache: LookupCache, failures: AsyncFailures,
        onFailure: (@Sendable (Input, any Error) throws -> Value?)?, fetch: @escaping @Sendable (Key) async throws -> Value?,
        join: @escaping @Sendable (Input, Value?) throws -> Output
    ) {
        self.key = key
        self.join = join
        self.failures = failures
        self.onFailure = onFailure
        self.cache = AnswerCache(cache)
        perform = fetch
        clock = context.clock
        let labels: MetricRegistry.Labels = [
            "operator": context.operatorID.rawValue, "subtask": String(context.subtask),
        ]
        hits = context.metrics.counter(.lookupHits, labels: labels)
        misses = context.metrics.counter(.lookupMisses, labels: labels)
        entries = context.metrics.gauge(.lookupEntries, labels: labels)
    }

    public mutating func request(_ input: Input) throws -> AsyncRequest<Key, Output> {
        let key = key(input)
        guard let value = cache.get(key, nowMillis: clock.wallMillis()) else {
            misses.add()
            return .ask(key)
        }
        hits.add()
        return .known(try join(input, value))
    }

    public func shared(_ request: Key) -> Key? { request }

    public mutating func complete(_ input: Input, _ response: Value?) throws -> Output {
        cache.set(key(input), response, nowMillis: clock.wallMillis())
        entries.set(cache.count)
        return try join(input, response)
    }

    public func verdict(on error: any Error, attempt: Int) -> AsyncVerdict { failures.verdict(error, attempt) }

    public func recover(_ input: Input, from error: any Error) throws -> Output? {
        guard let onFailure else { return nil }
        return try join(input, onFailure(input, error))
    }
}
