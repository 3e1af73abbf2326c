import StoreKit
import TestKit
import Testing
import TraceContext
import Tracing
import Trading
import TradingStores

/// Spans that guards make for stores whose clients make none.
@Suite struct StoreSpanTests {
    private static let ada = UserID("ada")!

    /// Asks a guarded store once in a span and once outside of any; what the collector then has, by name.
    private func spans(
        of store: any PortfolioStore, name: String, failing: Bool = false
    ) async throws -> [String: Collector.Span] {
        let collector = try Collector()
        let tracing = try collector.tracing()
        let guarded = GuardedPortfolioStore(store, name: name)
        await withTracer(tracing.tracer) {
            _ = try? await guarded.portfolio(Self.ada, consistent: true)
            await withSpan("request", context: .topLevel, ofKind: .server) { _ in
                do {
                    _ = try await guarded.portfolio(Self.ada, consistent: true)
                    #expect(!failing)
                } catch {
                    #expect(failing, "\(error)")
                }
            }
        }
        await tracing.shutdown()
        let spans = try await collector.spans()
        return Dictionary(
            spans.map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in
                Issue.record("two spans \(first.name)")
                return first
            })
    }

    @Test func aCallToAnEmbeddedStoreIsASpanOfTheRequestAndNoneOutsideOfOne() async throws {
        let folder = TemporaryFolder()
        let store = try PortfolioStores.open("rocksdb://\(folder.path)")
        let spans = try await spans(of: store, name: "rocksdb")
        await store.close()
        #expect(Set(spans.keys) == ["request", "rocksdb portfolio"])
        let call = try #require(spans["rocksdb portfolio"])
        #expect(call.kind == "SPAN_KIND_CLIENT")
        #expect(call.parentSpanId == spans["request"]?.spanId && call.traceId == spans["request"]?.traceId)
        #expect(call.status?.code != "STATUS_CODE_ERROR")
    }

    @Test func aCallThatFailsSaysSo() async throws {
        let folder = TemporaryFolder()
        let store = try PortfolioStores.open("rocksdb://\(folder.path)")
        await store.close()
        let spans = try await spans(of: store, name: "rocksdb", failing: true)
        #expect(spans["rocksdb portfolio"]?.status?.code == "STATUS_CODE_ERROR")
        #expect(spans["rocksdb portfolio"]?.events?.map(\.name) == ["exception"])
    }

    /// Nothing leaves the process' memory for it.
    @Test func aStoreInMemoryIsNoSpan() async throws {
        #expect(Set(try await spans(of: MemoryPortfolioStore(), name: "memory").keys) == ["request"])
    }

    @Test func everyStoreIsASpanOnce() async throws {
        let folder = TemporaryFolder()
        let (collector, now) = (try Collector(), Int64(1_700_000_000_000))
        let tracing = try collector.tracing()
        let orders = GuardedOrderLedger(try OrderLedgers.open("rocksdb://\(folder.path)/orders"), name: "orders")
        let history = GuardedTradeHistoryStore(
            try TradeHistoryStores.open("sqlite://\(folder.path)/history.sqlite"), name: "history")
        let analytics = GuardedTradeAnalyticsStore(
            try TradeAnalyticsStores.open("sqlite://\(folder.path)/analytics.sqlite"), name: "analytics")
        try await withTracer(tracing.tracer) {
            try await withSpan("request", context: .topLevel, ofKind: .server) { _ in
                _ = try await orders.order(OrderID(user: Self.ada, idempotencyKey: "k"), nowMillis: now)
                _ = try await history.provision()
                _ = try await history.search(TradeQuery(user: Self.ada))
                _ = try await analytics.provision()
                _ = try await analytics.top(.volume, limit: 1)
            }
        }
        await tracing.shutdown()
        await orders.close()
        await history.close()
        await analytics.close()
        let spans = try await collector.spans()
        #expect(
            spans.map(\.name).sorted() == [
                "analytics provision", "analytics top", "history provision", "history search", "orders order", "request",
            ])
        let request = spans.first { $0.name == "request" }?.spanId
        #expect(spans.filter { $0.name != "request" }.allSatisfy { $0.parentSpanId == request })
    }
}
