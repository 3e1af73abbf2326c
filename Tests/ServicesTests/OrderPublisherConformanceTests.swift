import Services
import StoreKit
import Testing
import TraceContext
import Trading

/// What every `OrderPublisher` promises, run against each.
@Suite struct OrderPublisherConformanceTests {
    private static let trace = TraceHeaders(
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "congo=t61rcWkgMzE")

    private static func order(
        _ user: UserID, _ key: String, side: Side = .buy, kind: OrderKind = .market, quantity: Int64 = 1
    ) -> Order {
        Order(
            orderID: OrderID(user: user, idempotencyKey: key), userID: user, symbol: apple, side: side, kind: kind,
            quantity: quantity, placedAtMillis: 1_700_000_000_123)
    }

    @Test(arguments: OrderPublisherKind.allCases)
    func anOrderIsOnTheTopicWhenPublishReturnsWithItsTrace(_ kind: OrderPublisherKind) async throws {
        try await kind.withPublisher { publisher, read in
            try await publisher.ping()
            #expect(try await read(0).isEmpty)
            let order = Self.order(ada, "k")
            try await publisher.publish(order, trace: Self.trace)
            #expect(try await read(1) == [.init(order: order, trace: Self.trace)])
            // A trace that nobody began leaves no headers behind.
            let untraced = Self.order(bob, "k")
            try await publisher.publish(untraced, trace: .none)
            #expect(try await read(2).filter { $0.order.userID == bob } == [.init(order: untraced, trace: .none)])
        }
    }

    @Test(arguments: OrderPublisherKind.allCases)
    func everyOrderComesBackAsItWas(_ kind: OrderPublisherKind) async throws {
        let orders = [
            Self.order(ada, "1"), Self.order(ada, "2", side: .sell, quantity: 1_000_000_000),
            Self.order(ada, "3", kind: .limit(Price(units: 1))),
            Self.order(ada, "4", side: .sell, kind: .limit(Price(units: 1_892_501)), quantity: 7),
            Self.order(UserID(String(repeating: "u", count: 64))!, String(repeating: "k", count: 128)),
        ]
        try await kind.withPublisher { publisher, read in
            for order in orders { try await publisher.publish(order, trace: .none) }
            #expect(Set(try await read(orders.count).map(\.order)) == Set(orders))
        }
    }

    /// Many users at once, each one order after the other.
    @Test(arguments: OrderPublisherKind.allCases)
    func ordersOfAUserAreReadInTheirOrderAndNoneIsMissing(_ kind: OrderPublisherKind) async throws {
        let (users, each) = (8, 25)
        let placed = (0..<users).map { user in
            (0..<each).map { Self.order(UserID("user-\(user)")!, "\($0)", quantity: Int64($0 + 1)) }
        }
        try await kind.withPublisher { publisher, read in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for orders in placed {
                    group.addTask { for order in orders { try await publisher.publish(order, trace: .none) } }
                }
                try await group.waitForAll()
            }
            let found = try await read(users * each).map(\.order)
            #expect(found.count == users * each)
            for orders in placed { #expect(found.filter { $0.userID == orders[0].userID } == orders) }
        }
    }

    /// A client repeats its request: whatever executes orders tells the two records apart by their place.
    @Test(arguments: OrderPublisherKind.allCases)
    func anOrderThatIsPublishedAgainIsThereTwice(_ kind: OrderPublisherKind) async throws {
        let order = Self.order(ada, "k")
        try await kind.withPublisher { publisher, read in
            try await publisher.publish(order, trace: Self.trace)
            try await publisher.publish(order, trace: .none)
            #expect(
                try await read(2) == [.init(order: order, trace: Self.trace), .init(order: order, trace: .none)])
        }
    }

    @Test(arguments: OrderPublisherKind.allCases)
    func onceClosedItIsUnavailable(_ kind: OrderPublisherKind) async throws {
        try await kind.withPublisher { publisher, read in
            try await publisher.publish(Self.order(ada, "before"), trace: .none)
            await publisher.close()
            await publisher.close()
            let refused = await #expect(throws: StoreError.self) {
                try await publisher.publish(Self.order(ada, "after"), trace: .none)
            }
            #expect(refused?.kind == "unavailable", "\(String(describing: refused))")
            let ping = await #expect(throws: StoreError.self) { try await publisher.ping() }
            #expect(ping?.kind == "unavailable", "\(String(describing: ping))")
            #expect(try await read(1).map(\.order) == [Self.order(ada, "before")])
        }
    }
}
