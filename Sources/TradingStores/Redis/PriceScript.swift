import ConnectorRedis
import Trading

/// Where prices lie in Redis, and the command that stores one unless a newer one is there.
enum PriceScript {
    static func key(_ symbol: Symbol) -> [UInt8] { Array("price:\(symbol.text)".utf8) }

    static func channel(_ symbol: Symbol) -> [UInt8] { Array("price_updates:\(symbol.text)".utf8) }

    /// By digest, or with the whole script when the server does not know it.
    static func command(_ tick: PriceTick, timeToLiveMillis: Int64, whole: Bool) -> [[UInt8]] {
        VersionedSet(
            key: key(tick.symbol), value: tick.pricedAt.encoded(), version: tick.seq, timeToLiveMillis: timeToLiveMillis,
            channel: channel(tick.symbol), versionField: "seq"
        ).command(whole: whole)
    }
}
