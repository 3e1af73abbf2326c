import StoreKit
import Trading

/// The latest price of every symbol. A cache: losing it loses nothing, because its writer writes again.
///
/// All methods may be called from any task, concurrently. Errors are `StoreError`.
public protocol PriceStore: Sendable {
    /// The latest price, nil when there is none (or it was lost or expired).
    func latest(_ symbol: Symbol) async throws(StoreError) -> PricedAt?

    /// The latest prices of several symbols in one round trip; those without one are absent.
    func latest(_ symbols: [Symbol]) async throws(StoreError) -> [Symbol: PricedAt]

    /// Stores each tick whose `seq` is above the stored one, and tells subscribers of those only. Returns how
    /// many were newer. Ticks of one call take effect in their order.
    @discardableResult
    func update(_ ticks: [PriceTick]) async throws(StoreError) -> Int

    /// The latest price if it is at hand without waiting: always for the memory store, never for a remote
    /// one. Nil says nothing; ask `latest`.
    func cached(_ symbol: Symbol) -> PricedAt?

    /// Ends background work and closes connections. Calls under way fail with `.unavailable`. Idempotent.
    func close() async
}

extension PriceStore {
    public func cached(_ symbol: Symbol) -> PricedAt? { nil }
}
