import StoreKit
import Trading

/// Changes of prices as they happen, from whoever writes the price store: memory tells its own writers', Redis
/// those of every process through pub/sub.
///
/// Hearing is not remembering: what changes while nobody listens, or while the connection is down, is not told
/// later. `.listening` says from when on nothing is missed; reading the latest prices after it closes the gap.
public protocol PriceUpdates: Sendable {
    /// Calls `listener` with everything from now on, until the subscription ends. It is called from one thread
    /// at a time or from several, must not wait, and must not call the store.
    func subscribe(_ listener: @escaping PriceListener) -> any PriceSubscription
}

/// Called with each update; see `PriceUpdates.subscribe`.
public typealias PriceListener = @Sendable (PriceUpdate) -> Void

/// What a listener is told.
public enum PriceUpdate: Hashable, Sendable {
    /// Changes are heard from here on, for the first time or after an interruption.
    case listening
    /// Prices the store has taken because they are newer. Two writers' may be told in either order: `seq` decides.
    case changed([PriceTick])
    /// Nothing is heard until `.listening` comes again, which is tried without end.
    case interrupted(StoreError)
}

/// One listener's. It must be ended; dropping it does not.
public protocol PriceSubscription: Sendable {
    /// No call to the listener begins after this has returned; one that has begun may still be under way. Idempotent.
    func end() async
}
