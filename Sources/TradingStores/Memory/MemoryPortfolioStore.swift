import StoreKit
import Synchronization
import Trading

/// The model the conformance suite measures other stores by: the conditions of `PortfolioStore`, said once
/// in the plainest way, under one lock. Keeps nothing beyond the process (promise 4 is not its).
public final class MemoryPortfolioStore: PortfolioStore {
    private struct Contents {
        var portfolios: [UserID: Portfolio] = [:]
        var executions: [OrderID: ExecutionRecord] = [:]
    }

    private let contents = Mutex(Contents())

    public init() {}

    public func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio? {
        contents.withLock { $0.portfolios[user] }
    }

    public func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool {
        guard cash >= .zero else { throw .invalid("an account cannot open with \(cash)") }
        return contents.withLock { contents in
            guard contents.portfolios[user] == nil else { return false }
            contents.portfolios[user] = Portfolio(cash: cash, version: 1, updatedAtMillis: nowMillis)
            return true
        }
    }

    public func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord? {
        contents.withLock { contents in
            contents.executions[order].flatMap { $0.isLive(nowMillis: nowMillis) ? $0 : nil }
        }
    }

    public func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult {
        if let contradiction = commit.contradiction() { throw .invalid(contradiction) }
        return contents.withLock { contents in
            if let existing = contents.executions[commit.orderID] { return .executionExists(existing) }
            if contents.portfolios[commit.user]?.version != commit.expectedVersion { return .versionMoved }
            contents.executions[commit.orderID] = commit.record
            if let portfolio = commit.newPortfolio { contents.portfolios[commit.user] = portfolio }
            return .committed
        }
    }

    public func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult {
        contents.withLock { contents in
            if let existing = contents.executions[rejection.orderID] { return .executionExists(existing) }
            contents.executions[rejection.orderID] = rejection.record
            return .committed
        }
    }

    public func allPortfolios() async throws(StoreError) -> [UserID: Portfolio] {
        contents.withLock { $0.portfolios }
    }

    public func close() async {}
}
