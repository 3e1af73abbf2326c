import StoreKit
import StreamRuntime
import Trading
import TradingStores

/// Orders of one user, one after the other; orders of different users side by side.
struct ExecuteOrder: KeyedAsyncFunction {
    typealias Key = UserID
    typealias Input = IncomingOrder
    typealias Output = TracedOutcome

    private let executor: OrderExecutor
    /// The portfolio as this job last committed it, with its version: saves a read, decides nothing.
    private let cached: ValueState<UserID, Portfolio>
    private let metrics: ExecutionMetrics
    private let backoff = Backoff(initialMillis: 20, maxMillis: 2000)

    init(_ state: KeyedStateContext<UserID>, _ executor: OrderExecutor) throws {
        self.executor = executor
        cached = try state.value("portfolio", Portfolio.self)
        metrics = ExecutionMetrics(state.operatorContext.metrics)
    }

    mutating func request(_ input: IncomingOrder, key: UserID) -> OrderExecutor.Request {
        OrderExecutor.Request(incoming: input, cached: cached[key])
    }

    var perform: @Sendable (OrderExecutor.Request) async throws -> TracedExecution {
        let executor = executor
        return { try await executor.executeInSpan($0) }
    }

    mutating func complete<Out: Collector>(
        _ input: IncomingOrder, key: UserID, _ execution: TracedExecution, into out: inout Out
    ) throws where Out.Element == TracedOutcome {
        switch execution.response {
        case .decided(let outcome, let portfolio):
            if cached[key] != portfolio { cached[key] = portfolio }
            metrics.count(outcome)
            try out.collect(TracedOutcome(outcome: outcome, trace: execution.trace))
        case .replayed(let outcome):
            cached[key] = nil
            metrics.replays.add()
            metrics.count(outcome)
            try out.collect(TracedOutcome(outcome: outcome, trace: execution.trace))
        case .duplicate:
            cached[key] = nil
            metrics.duplicates.add()
        }
    }

    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict {
        switch error {
        case let error as NamedStoreError:
            return .store(error.store, failed: error.cause, attempt: attempt, backoff)
        case is AsyncTimeout:
            return .store("the price store or the portfolio store", failed: error, attempt: attempt, backoff)
        default:
            return .fail
        }
    }
}

/// What became of orders.
struct ExecutionMetrics {
    private let trades: MetricRegistry.Cell
    private let rejections: [RejectionReason: MetricRegistry.Cell]
    let duplicates: MetricRegistry.Cell
    let replays: MetricRegistry.Cell

    init(_ metrics: MetricRegistry) {
        trades = metrics.counter(.trades)
        rejections = Dictionary(
            uniqueKeysWithValues: RejectionReason.allCases.map { reason in
                (reason, metrics.counter(.rejections, labels: ["reason": reason.rawValue]))
            })
        duplicates = metrics.counter(.duplicateOrders)
        replays = metrics.counter(.replayedOrders)
    }

    func count(_ outcome: Outcome) {
        switch outcome {
        case .trade: trades.add()
        case .rejection(let rejection): rejections[rejection.reason]?.add()
        }
    }
}
