/// Work on single records that asks the outside world, without keyed state: what `asyncMap` and `lookup` are made of.
///
/// `request` and `complete` run on the task thread and must not block; `perform` runs in Swift concurrency. An input is
/// part of every checkpoint from its arrival until its result is emitted; after a restore it is asked for again. So the
/// effects of `perform` must be idempotent by an id taken from the input. One value per subtask.
public protocol AsyncFunction<Input, Output>: SendableMetatype {
    /// Stored in checkpoints while in flight.
    associatedtype Input: StateCodable
    associatedtype Request: Sendable
    associatedtype Response: Sendable
    associatedtype Output
    /// What tells requests apart that one answer serves.
    associatedtype Shared: Hashable = Never

    /// What to ask for a record; or its result, when nothing need be asked.
    mutating func request(_ input: Input) throws -> AsyncRequest<Request, Output>

    /// Inputs with equal ones that are in flight together are asked for once; `nil`: never shared.
    func shared(_ request: Request) -> Shared?

    /// Asks. Must end when its task is cancelled (that is how a time-out is enforced).
    var perform: @Sendable (Request) async throws -> Response { get }

    /// The result of an input, from the answer.
    mutating func complete(_ input: Input, _ response: Response) throws -> Output

    /// What to do about a failed `perform`; `attempt` counts from 1.
    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict

    /// After the verdict `.fail`: a result all the same, or `nil` to fail the attempt with the error.
    mutating func recover(_ input: Input, from error: any Error) throws -> Output?
}

extension AsyncFunction {
    public func verdict(on error: any Error, attempt: Int) -> AsyncVerdict { .fail }
    public mutating func recover(_ input: Input, from error: any Error) throws -> Output? { nil }
}

extension AsyncFunction where Shared == Never {
    public func shared(_ request: Request) -> Never? { nil }
}

/// What `AsyncFunction.request` comes to.
public enum AsyncRequest<Request, Output> {
    case ask(Request)
    case known(Output)
}

/// What is done about requests that fail.
///
///     orders.asyncMap(failures: .retry(upTo: 5) { $0 is Overloaded }) { try await service.enrich($0) }
public struct AsyncFailures: Sendable {
    @usableFromInline let verdict: @Sendable (any Error, _ attempt: Int) -> AsyncVerdict

    /// As the function says; `attempt` counts from 1.
    @inlinable public init(_ verdict: @escaping @Sendable (any Error, _ attempt: Int) -> AsyncVerdict) {
        self.verdict = verdict
    }

    /// The first failure fails the attempt.
    @inlinable public static var fail: Self { Self { _, _ in .fail } }

    /// Asks up to `attempts` times in all, with a pause between; then fails. So do errors that `isTransient` denies.
    @inlinable public static func retry(
        upTo attempts: Int, _ backoff: Backoff = Backoff(),
        when isTransient: @escaping @Sendable (any Error) -> Bool = { _ in true }
    ) -> Self {
        Self { error, attempt in
            attempt < attempts && isTransient(error) ? .retry(afterMillis: backoff.millis(attempt: attempt)) : .fail
        }
    }

    /// Asks without limit, the job being shown as paused because of `reason`, while the error is one of an outage.
    @inlinable public static func waitOut(
        _ reason: String, _ backoff: Backoff = Backoff(), when isOutage: @escaping @Sendable (any Error) -> Bool = { _ in true }
    ) -> Self {
        Self { error, attempt in
            isOutage(error) ? .waitOut(reason: reason, retryAfterMillis: backoff.millis(attempt: attempt)) : .fail
        }
    }
}

extension AsyncOptions {
    public init(capacity: Int = 1024, timeout: Duration) {
        self.init(capacity: capacity, timeoutMillis: Int(max(1, timeout.wholeMillis)))
    }
}
