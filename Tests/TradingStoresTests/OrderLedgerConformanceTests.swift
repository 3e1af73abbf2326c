import Foundation
import StoreKit
import TestKit
import Testing
import Trading
import TradingStores

/// The implementations of `OrderLedger` the suite runs against; the first one is the model.
enum OrderLedgerKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, rocksdb, dynamodb

    var testDescription: String { rawValue }

    /// Runs `body` with an empty ledger.
    func withLedger(_ body: (any OrderLedger) async throws -> Void) async throws {
        switch self {
        case .memory:
            try await use(OrderLedgers.open("memory:"), body)
        case .rocksdb:
            let folder = TemporaryFolder()
            try await use(OrderLedgers.open("rocksdb://\(folder.path)"), body)
        case .dynamodb:
            let url = try await PortfolioStoreKind.emptyDynamoDBURL()
            try await use(OrderLedgers.open(url, environment: [:]), body)
        }
    }

    private func use(_ ledger: any OrderLedger, _ body: (any OrderLedger) async throws -> Void) async throws {
        do {
            try await body(ledger)
        } catch {
            await ledger.close()
            throw error
        }
        await ledger.close()
    }
}

/// What every `OrderLedger` promises, run against each.
@Suite struct OrderLedgerConformanceTests {
    private static let now: Int64 = 1_700_000_000_000

    private static func accepted(
        _ user: UserID, _ key: String = "k1", quantity: Int64 = 1, requestMillis: Int64 = 1_000, orderMillis: Int64 = 10_000
    ) -> AcceptedOrder {
        let key = RequestKey(user, IdempotencyKey(key)!)
        let order = Order(
            orderID: key.orderID, userID: user, symbol: Symbol("BRK.B")!, side: .sell,
            kind: .limit(Price(units: 1_892_501)), quantity: quantity, placedAtMillis: now)
        return AcceptedOrder(
            key: key, order: order, hash: RequestHash(of: [UInt8(quantity)]), requestExpiresAtMillis: now + requestMillis,
            orderExpiresAtMillis: now + orderMillis)
    }

    @Test(arguments: OrderLedgerKind.allCases)
    func anOrderAndItsRequestAreRecordedTogether(_ kind: OrderLedgerKind) async throws {
        try await kind.withLedger { ledger async throws in
            let new = Self.accepted(Fixture.user())
            #expect(try await ledger.request(new.key, nowMillis: Self.now) == nil)
            #expect(try await ledger.order(new.order.orderID, nowMillis: Self.now) == nil)
            #expect(try await ledger.accept(new, nowMillis: Self.now) == .accepted)
            let request = try #require(try await ledger.request(new.key, nowMillis: Self.now))
            #expect(
                request
                    == OrderRequest(
                        orderID: new.order.orderID, hash: new.hash, state: .pending, expiresAtMillis: Self.now + 1_000))
            #expect(try await ledger.order(new.order.orderID, nowMillis: Self.now) == new.order)
        }
    }

    @Test(arguments: OrderLedgerKind.allCases)
    func theFirstRequestIsGivenToWhoeverComesLater(_ kind: OrderLedgerKind) async throws {
        try await kind.withLedger { ledger async throws in
            let user = Fixture.user()
            let first = Self.accepted(user)
            #expect(try await ledger.accept(first, nowMillis: Self.now) == .accepted)
            let pending = OrderRequest(
                orderID: first.order.orderID, hash: first.hash, state: .pending, expiresAtMillis: Self.now + 1_000)
            let other = Self.accepted(user, quantity: 2, requestMillis: 5_000)
            #expect(try await ledger.accept(other, nowMillis: Self.now) == .known(pending))
            #expect(try await ledger.order(first.order.orderID, nowMillis: Self.now) == first.order)
            try await ledger.markPublished(first.key)
            try await ledger.markPublished(first.key)
            let published = OrderRequest(
                orderID: first.order.orderID, hash: first.hash, state: .published, expiresAtMillis: Self.now + 1_000)
            #expect(try await ledger.request(first.key, nowMillis: Self.now) == published)
            #expect(try await ledger.accept(other, nowMillis: Self.now) == .known(published))
        }
    }

    @Test(arguments: OrderLedgerKind.allCases)
    func aKeyIsTheUsersOwn(_ kind: OrderLedgerKind) async throws {
        try await kind.withLedger { ledger async throws in
            let (one, two) = (Self.accepted(Fixture.user()), Self.accepted(Fixture.user()))
            #expect(try await ledger.accept(one, nowMillis: Self.now) == .accepted)
            #expect(try await ledger.accept(two, nowMillis: Self.now) == .accepted)
            #expect(try await ledger.order(two.order.orderID, nowMillis: Self.now) == two.order)
        }
    }

    @Test(arguments: OrderLedgerKind.allCases)
    func whatHasExpiredIsGoneForReadersAndAForgottenKeyNamesNoSecondOrder(_ kind: OrderLedgerKind) async throws {
        try await kind.withLedger { ledger async throws in
            let user = Fixture.user()
            let first = Self.accepted(user)
            #expect(try await ledger.accept(first, nowMillis: Self.now) == .accepted)
            #expect(try await ledger.request(first.key, nowMillis: Self.now + 999) != nil)
            #expect(try await ledger.request(first.key, nowMillis: Self.now + 1_000) == nil)
            let later = Self.accepted(user, quantity: 2, requestMillis: 20_000, orderMillis: 30_000)
            #expect(try await ledger.accept(later, nowMillis: Self.now + 1_000) == .keyUsed)
            #expect(try await ledger.request(first.key, nowMillis: Self.now + 1_000) == nil)
            #expect(try await ledger.order(first.order.orderID, nowMillis: Self.now + 9_999) == first.order)
            #expect(try await ledger.order(first.order.orderID, nowMillis: Self.now + 10_000) == nil)
            #expect(try await ledger.accept(later, nowMillis: Self.now + 10_000) == .accepted)
            #expect(try await ledger.order(first.order.orderID, nowMillis: Self.now + 10_000) == later.order)
        }
    }

    @Test(arguments: OrderLedgerKind.allCases)
    func markingWhatIsNotThereDoesNothing(_ kind: OrderLedgerKind) async throws {
        try await kind.withLedger { ledger async throws in
            let new = Self.accepted(Fixture.user())
            try await ledger.markPublished(new.key)
            #expect(try await ledger.request(new.key, nowMillis: Self.now) == nil)
            #expect(try await ledger.accept(new, nowMillis: Self.now) == .accepted)
        }
    }

    @Test(arguments: OrderLedgerKind.allCases)
    func aContradictionIsRefused(_ kind: OrderLedgerKind) async throws {
        try await kind.withLedger { ledger async throws in
            let (one, two) = (Self.accepted(Fixture.user(), "a"), Self.accepted(Fixture.user(), "b"))
            let mixed = AcceptedOrder(
                key: one.key, order: two.order, hash: one.hash, requestExpiresAtMillis: .max, orderExpiresAtMillis: .max)
            await #expect(throws: StoreError.self) { try await ledger.accept(mixed, nowMillis: Self.now) }
            #expect(try await ledger.request(one.key, nowMillis: Self.now) == nil)
        }
    }

    @Test(arguments: OrderLedgerKind.allCases)
    func ofManyAtOnceOneIsAccepted(_ kind: OrderLedgerKind) async throws {
        try await kind.withLedger { ledger async throws in
            let user = Fixture.user()
            let results = await withTaskGroup(of: AcceptResult?.self) { group in
                for quantity: Int64 in 1...16 {
                    group.addTask {
                        // As the order service does: a conflict over one item is tried again.
                        try? await RetryPolicy(baseMillis: 5, capMillis: 100, attemptsMax: 20).run {
                            () async throws(StoreError) in
                            try await ledger.accept(Self.accepted(user, quantity: quantity), nowMillis: Self.now)
                        }
                    }
                }
                return await group.reduce(into: [AcceptResult?]()) { $0.append($1) }
            }
            #expect(results.count == 16 && !results.contains(nil))
            #expect(results.count { $0 == .accepted } == 1)
            let request = try #require(try await ledger.request(Self.accepted(user).key, nowMillis: Self.now))
            #expect(results.count { $0 == .known(request) } == 15)
            let order = try #require(try await ledger.order(request.orderID, nowMillis: Self.now))
            #expect(RequestHash(of: [UInt8(order.quantity)]) == request.hash)
        }
    }
}

/// What only the embedded ledger has to show.
@Suite struct RocksDBOrderLedgerTests {
    @Test func whatWasAcceptedIsThereAfterReopening() async throws {
        let folder = TemporaryFolder()
        let user = Fixture.user()
        let key = RequestKey(user, IdempotencyKey("k")!)
        let order = Fixture.order(user, "k", quantity: 3)
        let first = try RocksDBOrderLedger(path: folder.path)
        let new = AcceptedOrder(
            key: key, order: order, hash: RequestHash(of: [1]), requestExpiresAtMillis: .max, orderExpiresAtMillis: .max)
        #expect(try await first.accept(new, nowMillis: 0) == .accepted)
        try await first.markPublished(key)
        await first.close()
        await #expect(throws: StoreError.self) { try await first.request(key, nowMillis: 0) }
        let second = try RocksDBOrderLedger(path: folder.path)
        #expect(try await second.request(key, nowMillis: 0)?.state == .published)
        #expect(try await second.order(order.orderID, nowMillis: 0) == order)
        await second.close()
    }

    @Test func aSecondOpenerIsToldWhoHasIt() async throws {
        let folder = TemporaryFolder()
        let first = try RocksDBOrderLedger(path: folder.path)
        let error = #expect(throws: StoreError.self) { try RocksDBOrderLedger(path: folder.path) }
        #expect(error?.description.contains(folder.path) == true)
        await first.close()
    }

    @Test(arguments: ["", "kafka://x", "rocksdb:", "dynamodb://", "memory:?x=1", "dynamodb://r?nope=1"])
    func aURLThatNamesNoLedgerIsRefused(_ url: String) {
        #expect(throws: StoreError.self) { try OrderLedgers.open(url, environment: [:]) }
    }
}
