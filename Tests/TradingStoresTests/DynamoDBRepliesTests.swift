import StoreKit
import TestServers
import Testing
import Trading
import TradingStores

/// How the stores on DynamoDB read what AWS answers now and then and its stand-in never does: cancelled transactions above all.
@Suite struct DynamoDBRepliesTests {
    /// A transaction that was cancelled for a reason that is no condition of ours.
    private static func cancelled(_ codes: String...) -> ScriptedServer.Reply {
        let reasons = codes.map { #"{"Code":"\#($0)"\#($0 == "None" ? "" : #","Message":"as scripted""#)}"# }.joined(
            separator: ",")
        return refused("TransactionCanceledException", #","CancellationReasons":[\#(reasons)]"#)
    }

    private static func refused(_ name: String, _ more: String = "", status: Int = 400) -> ScriptedServer.Reply {
        .answer(.init(status, [:], #"{"__type":"com.amazonaws.dynamodb.v20120810#\#(name)","Message":"as scripted"\#(more)}"#))
    }

    private static let passing: [(reply: ScriptedServer.Reply, kind: String)] = [
        (cancelled("TransactionConflict", "None"), "conflict"), (cancelled("None", "TransactionConflict"), "conflict"),
        (cancelled("ThrottlingError", "None"), "throttled"), (cancelled("None", "ThrottlingError"), "throttled"),
        (cancelled("ProvisionedThroughputExceeded", "None"), "throttled"), (cancelled(), "unavailable"),
        (refused("ProvisionedThroughputExceededException"), "throttled"), (refused("ThrottlingException"), "throttled"),
        (refused("TransactionInProgressException"), "conflict"), (refused("InternalServerError", status: 500), "unavailable"),
        (.answer(.init(503, [:], "<html>no JSON at all</html>")), "unavailable"), (.passAndHangUp, "unavailable"),
    ]

    /// Real tables, behind a server that answers transactions as scripted.
    private func withServer(
        _ replies: [ScriptedServer.Reply], _ body: (_ url: String, ScriptedServer) async throws -> Void
    ) async throws {
        let endpoint = try TestServer.dynamodb.url()
        let server = try await ScriptedServer(to: try TestServer.dynamodb.port(), replies: replies) {
            $0.headers["x-amz-target"]?.hasSuffix("TransactWriteItems") == true
        }
        let url = try await PortfolioStoreKind.emptyDynamoDBURL()
        try await body(url.replacing(endpoint, with: "http://127.0.0.1:\(server.port)"), server)
        await server.stop()
    }

    /// Tries again at once, as often as there are refusals.
    private func kinds<Value: Sendable>(
        _ attempt: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> (failures: [String], value: Value) {
        var failures: [String] = []
        while true {
            do throws(StoreError) {
                return (failures, try await attempt())
            } catch {
                failures.append(error.kind)
                guard error.isRetryable, failures.count <= Self.passing.count else { throw error }
            }
        }
    }

    @Test func aCommitThatIsRefusedForNowTakesEffectOnceAndIsKnownWhenItsAnswerWasLost() async throws {
        try await withServer(Self.passing.map(\.reply)) { url, server in
            let store = try PortfolioStores.open(url, environment: [:])
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: try Money("100.00"), nowMillis: 1)
            let portfolio = try #require(try await store.portfolio(user, consistent: true))
            let commit = try Fixture.fill(Fixture.order(user, "one", quantity: 2), portfolio)
            let (failures, result) = try await kinds { () async throws(StoreError) in try await store.commit(commit) }
            #expect(failures == Self.passing.map(\.kind))
            #expect(result == .executionExists(commit.record))
            #expect(server.requests.count == Self.passing.count + 1)
            let after = try await store.portfolio(user, consistent: true)
            #expect(after == commit.newPortfolio)
            await store.close()
        }
    }

    /// A moved version is final for this decision even when the other item was throttled; so is an outcome that is there.
    @Test func aFailedConditionIsReadBeforeAConflict() async throws {
        let item = #"{"Code":"ConditionalCheckFailed","Message":"as scripted"}"#
        let both = Self.refused(
            "TransactionCanceledException", #","CancellationReasons":[{"Code":"TransactionConflict"},\#(item)]"#)
        try await withServer([both, Self.cancelled("ConditionalCheckFailed", "None")]) { url, _ in
            let store = try PortfolioStores.open(url, environment: [:])
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: try Money("100.00"), nowMillis: 1)
            let portfolio = try #require(try await store.portfolio(user, consistent: true))
            let commit = try Fixture.fill(Fixture.order(user, "one"), portfolio)
            // The refusal came without the item, and there is none: it expired between.
            let error = await #expect(throws: StoreError.self) { try await store.commit(commit) }
            #expect(error?.kind == "conflict")
            #expect(try await store.commit(commit) == .versionMoved)
            await store.close()
        }
    }

    @Test func anOrderIsAcceptedOnceHoweverOftenItsTransactionIsRefused() async throws {
        try await withServer(Self.passing.map(\.reply)) { url, server in
            let ledger = try OrderLedgers.open(url, environment: [:])
            let user = Fixture.user()
            let order = Fixture.order(user, "one")
            let accepted = AcceptedOrder(
                key: RequestKey(user, IdempotencyKey("one")!), order: order, hash: RequestHash(of: [1]),
                requestExpiresAtMillis: Fixture.farFuture, orderExpiresAtMillis: Fixture.farFuture)
            let (failures, result) = try await kinds { () async throws(StoreError) in
                try await ledger.accept(accepted, nowMillis: 1)
            }
            #expect(failures == Self.passing.map(\.kind))
            guard case .known(let request) = result else { Issue.record("\(result)"); return }
            #expect(request.orderID == order.orderID && request.state == .pending)
            #expect(try await ledger.order(order.orderID, nowMillis: 1) == order)
            #expect(server.requests.count == Self.passing.count + 1)
            await ledger.close()
        }
    }

    @Test func aReasonThatRepeatingCannotMendIsToldAsItIs() async throws {
        try await withServer([Self.cancelled("ValidationError", "None"), Self.refused("ValidationException")]) { url, server in
            let store = try PortfolioStores.open(url, environment: [:])
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: try Money("100.00"), nowMillis: 1)
            let portfolio = try #require(try await store.portfolio(user, consistent: true))
            let commit = try Fixture.fill(Fixture.order(user, "one"), portfolio)
            for words in ["ValidationError as scripted", "TransactWriteItems: ValidationException as scripted"] {
                let error = await #expect(throws: StoreError.self) { try await store.commit(commit) }
                #expect(error?.isRetryable == false && error?.description.contains(words) == true, "\(String(describing: error))")
            }
            #expect(server.requests.count == 2)
            await store.close()
        }
    }
}
