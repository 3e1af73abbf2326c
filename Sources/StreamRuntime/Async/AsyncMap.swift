extension Stream where Element: StateCodable & Sendable {
    /// One result for each record, from an asynchronous function: up to `options.capacity` records of a subtask are in
    /// flight side by side.
    ///
    ///     orders.asyncMap(.unordered, AsyncOptions(timeout: .seconds(2)), failures: .retry(upTo: 3)) { order in
    ///         try await service.enrich(order)
    ///     }
    ///
    /// `transform` runs in Swift concurrency and must end when its task is cancelled; it may run again for the same
    /// record, after a failure or a restart. A request that takes longer than `options` allow counts as failed with
    /// `AsyncTimeout`; when `failures` give up on one, `onTimeout` has the last word. Any other failure that is given up on
    /// fails the attempt. Costs a Swift task a record beside the request.
    @inlinable public func asyncMap<Output: Sendable>(
        _ order: AsyncOrder = .ordered, _ options: AsyncOptions = AsyncOptions(), failures: AsyncFailures = .fail,
        onTimeout: (@Sendable (Element) throws -> Output)? = nil,
        _ transform: @escaping @Sendable (Element) async throws -> Output
    ) -> Stream<Stage<C, AsyncProcess<AsyncMapFunction<Element, Output>>>> {
        asyncStage("async-map", order, options) { _ in
            AsyncMapFunction(perform: transform, failures: failures, onTimeout: onTimeout)
        }
    }

    /// Asynchronous work of your own, see `AsyncFunction`. `make` runs once per subtask.
    @inlinable public func asyncProcess<F: AsyncFunction>(
        _ id: OperatorID? = nil, _ order: AsyncOrder = .ordered, _ options: AsyncOptions = AsyncOptions(),
        _ make: @escaping @Sendable (OperatorContext) throws -> F
    ) -> Stream<Stage<C, AsyncProcess<F>>> where F.Input == Element {
        asyncStage("async", named: id, order, options, make)
    }

    @inlinable func asyncStage<F: AsyncFunction>(
        _ defaultID: OperatorID, named id: OperatorID? = nil, _ order: AsyncOrder, _ options: AsyncOptions,
        _ make: @escaping @Sendable (OperatorContext) throws -> F
    ) -> Stream<Stage<C, AsyncProcess<F>>> where F.Input == Element {
        stage(defaultID, named: id, [.stateful, .asynchronous]) {
            try AsyncProcess(context: $0, order: order, options: options, function: make($0))
        }
    }
}

/// `Stream.asyncMap`.
public struct AsyncMapFunction<Input: StateCodable & Sendable, Output: Sendable>: AsyncFunction {
    public let perform: @Sendable (Input) async throws -> Output
    private let failures: AsyncFailures
    private let onTimeout: (@Sendable (Input) throws -> Output)?

    @usableFromInline init(
        perform: @escaping @Sendable (Input) async throws -> Output, failures: AsyncFailures,
        onTimeout: (@Sendable (Input) throws -> Output)?
    ) {
        self.perform = perform
        self.failures = failures
        self.onTimeout = onTimeout
    }

    public func request(_ input: Input) -> AsyncRequest<Input, Output> { .ask(input) }
    public func complete(_ input: Input, _ response: Output) -> Output { response }
    public func verdict(on error: any Error, attempt: Int) -> AsyncVerdict { failures.verdict(error, attempt) }
    public func recover(_ input: Input, from error: any Error) throws -> Output? {
        error is AsyncTimeout ? try onTimeout?(input) : nil
    }
}
