/// Made-up orders: the order at every position is a pure function of the seed and the position, so that a
/// source restarted at position n goes on exactly as if it had never stopped.
public struct OrderGenerator: Sendable {
    /// Who trades what, and how much of it is odd. Shares are per million.
    public struct Settings: Hashable, Sendable {
        public var seed: UInt64 = 1
        /// Users are called `user-000000` and so on.
        public var usersCount: Int64 = 1_000
        public var listings = Listing.standard
        /// LIMIT orders, with limits within ±10 % of the base price.
        public var limitMillionths: Int64 = 300_000
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

    /// A generator over at least one user and one listing.
    public init(_ settings: Settings) {
        precondition(settings.usersCount > 0, "usersCount is \(settings.usersCount)")
        precondition(!settings.listings.isEmpty, "orders need at least one listing")
        precondition(settings.ordersPerSecond > 0, "ordersPerSecond is \(settings.ordersPerSecond)")
        self.settings = settings
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

    /// The position a duplicate at `sequence` points to; nil when there is an order of its own.
    private func duplicated(at sequence: Int64) -> Int64? {
        guard settings.duplicateMillionths > 0, sequence > 0 else { return nil }
        var random = SplitMix64.at(sequence, seed: settings.seed ^ 0xD0B1_E0DD)
        guard Self.hits(settings.duplicateMillionths, &random) else { return nil }
        let distance = Self.below(min(settings.duplicateDistanceMax, sequence), &random) + 1
        return sequence - distance
    }

    private func original(at sequence: Int64) -> Order {
        var random = SplitMix64.at(sequence, seed: settings.seed)
        let user = Self.user(Self.below(settings.usersCount, &random))
        let listing = settings.listings[Int(Self.below(Int64(settings.listings.count), &random))]
        let side: Side = random.next() & 1 == 0 ? .buy : .sell
        let quantity = Self.below(settings.quantityMax, &random) + 1
        let isLimit = Self.hits(settings.limitMillionths, &random)
        let offset = Self.below(200_001, &random) - 100_000
        let isInvalid = Self.hits(settings.invalidMillionths, &random)
        let namesUnknown = isInvalid && random.next() & 1 == 0
        let limit = Price(units: max(1, listing.basePrice.units + listing.basePrice.units / 1_000 * offset / 1_000))
        return Order(
            orderID: OrderID(user: user, idempotencyKey: "generated-\(settings.seed)-\(sequence)"), userID: user,
            symbol: namesUnknown ? Self.unknownSymbol : listing.symbol, side: side,
            kind: isLimit ? .limit(limit) : .market, quantity: isInvalid && !namesUnknown ? 0 : quantity,
            placedAtMillis: placedAtMillis(sequence))
    }

    private static func below(_ bound: Int64, _ random: inout SplitMix64) -> Int64 {
        Int64(random.next().multipliedFullWidth(by: UInt64(max(bound, 1))).high)
    }

    private static func hits(_ millionths: Int64, _ random: inout SplitMix64) -> Bool {
        below(1_000_000, &random) < millionths
    }
}
