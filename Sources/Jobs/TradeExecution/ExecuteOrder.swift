import StreamRuntime
import Trading
import TradingStores

/// Orders of one user, one after the other; orders of different users side by side.
struct ExecuteOrder: KeyedAsyncFunction {
    typealias Key = UserID
    typealias Input = IncomingOrder
    typealias Output = Outcome

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

    var perform: @Sendable (OrderExecutor.Request) async throws -> OrderExecutor.Response {
        let executor = executor
        return { try await executor.execute($0) }
    }

    mutating func complete<Out: Collector>(
        _ input: IncomingOrder, key: UserID, _ response: OrderExecutor.Response, into out: inout Out
    ) throws where Out.Element == Outcome {
        switch response {
        case .decided(let outcome, let portfolio):
            if cached[key] != portfolio { cached[key] = portfolio }
            metrics.count(outcome)
            try out.collect(outcome)
        case .replayed(let outcome):
            cached[key] = nil
            metrics.replays.add()
            metrics.count(outcome)
            try out.collect(outcome)
        case .duplicate:
            cached[key] = nil
            metrics.duplicates.add()
        }
    }

    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict {
        let delay = backoff.millis(attempt: attempt)
        switch error {
        case let error as StoreError where error.isOutage:
            return attempt < 3 ? .retry(afterMillis: delay) : .waitOut(reason: error.description, retryAfterMillis: delay)
        case let error as StoreError where error.isRetryable:
            return .retry(afterMillis: delay)
        case is AsyncTimeout:
            return .waitOut(reason: "a store does not answer", retryAfterMillis: delay)
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
        trades = metrics.counter("weir_trades_total", help: "Orders that were executed.")
        rejections = Dictionary(
            uniqueKeysWithValues: RejectionReason.allCases.map { reason in
                (reason, metrics.counter("weir_rejections_total", help: "Orders that were refused.", labels: ["reason": reason.rawValue]))
            })
        duplicates = metrics.counter(
            "weir_duplicate_orders_total", help: "Order records whose order another record had decided.")
        replays = metrics.counter(
            "weir_replayed_orders_total", help: "Outcomes emitted again from the ledger after a restart.")
    }

    func count(_ outcome: Outcome) {
        switch outcome {
        case .trade: trades.add()
        case .rejection(let rejection): rejections[rejection.reason]?.add()
        }
    }
}
