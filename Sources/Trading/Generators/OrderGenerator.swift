/// Made-up orders: the order at every position is a pure function of the seed and the position, so that a
/// source restarted at position n goes on exactly as if it had never stopped.
///
/// Users buy what they can pay, and sell what they have: an order at an odd position sells what the order `lag` positions
/// before it bought. What is odd about an order is decided for the two together, so that nobody is left with shares that are
/// never sold. Prices are those of a `MarketFeedGenerator` with the same listings; a limit that is to be met is met wherever
/// its walk may be. So orders are refused on purpose only, in the shares that the settings say.
public struct OrderGenerator: Sendable {
    /// Who trades what, and how much of it is odd. Shares are per million.
    public struct Settings: Hashable, Sendable {
        public var seed: UInt64 = 1
        /// Users are called `user-000000` and so on.
        public var usersCount: Int64 = 1_000
        public var listings = Listing.standard
        /// LIMIT orders that every price meets.
        public var limitMillionths: Int64 = 300_000
        /// LIMIT orders that no price ever meets.
        public var unmetMillionths: Int64 = 10_000
        /// Orders for a million shares: to buy more than anybody has cash for, and to sell what was never bought.
        public var overreachingMillionths: Int64 = 10_000
        /// Orders that make no sense (quantity 0) or name an unknown symbol, half and half.
        public var invalidMillionths: Int64 = 0
        /// Orders that are an earlier one again: the same record at a later position.
        public var duplicateMillionths: Int64 = 0
        /// How far back a duplicate looks at most.
        public var duplicateDistanceMax: Int64 = 1_000
        public var quantityMax: Int64 = 100
        /// When position 0 is placed, epoch milliseconds, and how fast they follow.
        public var startMillis: Int64
        public var ordersPerSecond: Int64 = 1_000

        public init(startMillis: Int64) {
            self.startMillis = startMillis
        }
    }

    public let settings: Settings
    /// Listed nowhere: what an order for an unknown symbol names.
    public static let unknownSymbol = Symbol(unchecked: "NOSUCH")
    /// Bought and not yet sold, by each user on average: at the standard prices about 60 000 in cash.
    private static let holdingsPerUser: Int64 = 4
    private static let holdingsMax: Int64 = 4_096
    private static let overreachingQuantity: Int64 = 1_000_000

    /// How many positions after its purchase a holding is sold. Odd, so that sales stand between purchases.
    private let lag: Int64

    /// A generator over at least one user and one listing.
    public init(_ settings: Settings) {
        precondition(settings.usersCount > 0, "usersCount is \(settings.usersCount)")
        precondition(!settings.listings.isEmpty, "orders need at least one listing")
        precondition(settings.ordersPerSecond > 0, "ordersPerSecond is \(settings.ordersPerSecond)")
        self.settings = settings
        lag = 2 * min(settings.usersCount * Self.holdingsPerUser, Self.holdingsMax) - 1
    }

    /// The order at `sequence`. Cost: about 1 µs, most of it the order's id.
    public func order(at sequence: Int64) -> Order {
        original(at: origin(of: sequence))
    }

    /// The position whose order stands at `sequence`: itself, or an earlier one when this is a duplicate.
    public func origin(of sequence: Int64) -> Int64 {
        var position = sequence
        // A duplicate of a duplicate would not be one of an order that was there: look on, a few times.
        for _ in 0..<16 {
            guard let earlier = duplicated(at: position) else { return position }
            position = earlier
        }
        return sequence
    }

    /// The name of user `index`, 0 ..< `usersCount`.
    public static func user(_ index: Int64) -> UserID {
        let digits = String(index.magnitude)
        return UserID(unchecked: "user-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits)
    }

    /// When the order at `sequence` is placed, epoch milliseconds.
    public func placedAtMillis(_ sequence: Int64) -> Int64 {
        let (seconds, rest) = sequence.quotientAndRemainder(dividingBy: settings.ordersPerSecond)
        return settings.startMillis + seconds * 1_000 + rest * 1_000 / settings.ordersPerSecond
    }

    /// The position whose order bought what the one at `sequence` sells; `sequence` itself for an order that buys. The first
    /// ones at odd positions buy, too.
    private func purchase(of sequence: Int64) -> Int64 {
        sequence & 1 == 1 && sequence >= lag ? sequence - lag : sequence
    }

    /// The position a duplicate at `sequence` points to; nil when there is an order of its own.
    private func duplicated(at sequence: Int64) -> Int64? {
        guard settings.duplicateMillionths > 0, sequence > 0 else { return nil }
        let purchase = purchase(of: sequence)
        var random = SplitMix64.at(purchase, seed: settings.seed ^ 0xD0B1_E0DD)
        guard Self.hits(settings.duplicateMillionths, &random) else { return nil }
        // Each of the two an earlier order of its own.
        var distances = SplitMix64.at(sequence, seed: settings.seed ^ 0xD157)
        let distance = Self.below(min(settings.duplicateDistanceMax, sequence), &distances) + 1
        return sequence - distance
    }

    /// What is odd about an order, and about the one that sells what it bought.
    private enum Oddity {
        case none
        case unmetLimit
        case overreaching
        case quantityZero
        case unknownSymbol
    }

    private func original(at sequence: Int64) -> Order {
        let purchase = purchase(of: sequence)
        var random = SplitMix64.at(purchase, seed: settings.seed)
        let user = Self.user(Self.below(settings.usersCount, &random))
        let listing = settings.listings[Int(Self.below(Int64(settings.listings.count), &random))]
        let quantity = Self.below(settings.quantityMax, &random) + 1
        let oddity = oddity(&random)
        let side: Side = purchase == sequence ? .buy : .sell
        return Order(
            orderID: OrderID(user: user, idempotencyKey: "generated-\(settings.seed)-\(sequence)"), userID: user,
            symbol: oddity == .unknownSymbol ? Self.unknownSymbol : listing.symbol, side: side,
            kind: kind(at: sequence, side, listing.basePrice, oddity),
            quantity: oddity == .quantityZero ? 0 : oddity == .overreaching ? Self.overreachingQuantity : quantity,
            placedAtMillis: placedAtMillis(sequence))
    }

    private func oddity(_ random: inout SplitMix64) -> Oddity {
        if Self.hits(settings.invalidMillionths, &random) { return random.next() & 1 == 0 ? .unknownSymbol : .quantityZero }
        if Self.hits(settings.overreachingMillionths, &random) { return .overreaching }
        return Self.hits(settings.unmetMillionths, &random) ? .unmetLimit : .none
    }

    /// Prices of the feed stay between half and one and a half of the base price.
    private func kind(at sequence: Int64, _ side: Side, _ base: Price, _ oddity: Oddity) -> OrderKind {
        var random = SplitMix64.at(sequence, seed: settings.seed ^ 0x11717)
        let isLimit = oddity == .unmetLimit || oddity != .overreaching && Self.hits(settings.limitMillionths, &random)
        guard isLimit else { return .market }
        let isHigh = (side == .buy) != (oddity == .unmetLimit)
        let thousandths = (isHigh ? 1_500 : 400) + Self.below(101, &random)
        return .limit(Price(units: max(1, base.units / 1_000 * thousandths)))
    }

    private static func below(_ bound: Int64, _ random: inout SplitMix64) -> Int64 {
        Int64(random.next().multipliedFullWidth(by: UInt64(max(bound, 1))).high)
    }

    private static func hits(_ millionths: Int64, _ random: inout SplitMix64) -> Bool {
        below(1_000_000, &random) < millionths
    }
}
