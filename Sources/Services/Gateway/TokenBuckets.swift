import Trading

/// Rate limits, a bucket of tokens for each user: `burst` requests at once, `perSecond` on average. Pure: time is passed
/// in, milliseconds of any steady clock.
///
/// Holds at most `bucketsMax` users, in two generations: when the newer is full it becomes the older, and whoever has
/// not asked since then is forgotten, which is to say given a full bucket. So memory is bounded at constant cost a
/// request, whoever asks.
package struct TokenBuckets: Sendable {
    package struct Settings: Hashable, Sendable {
        package var perSecond: Double = 50
        package var burst: Double = 100
        package var bucketsMax = 100_000

        package init() {}
    }

    package enum Verdict: Hashable, Sendable {
        case allowed
        case limited(retryAfterMillis: Int64)
    }

    private struct Bucket {
        var tokens: Double
        var atMillis: Int64
    }

    private let settings: Settings
    private var newer: [UserID: Bucket] = [:]
    private var older: [UserID: Bucket] = [:]

    package init(_ settings: Settings = Settings()) { self.settings = settings }

    /// Takes a token of the user, if there is one.
    package mutating func take(_ user: UserID, nowMillis: Int64) -> Verdict {
        var bucket = newer[user] ?? older[user] ?? Bucket(tokens: settings.burst, atMillis: nowMillis)
        let passed = Double(max(0, nowMillis - bucket.atMillis)) / 1000
        bucket.tokens = min(settings.burst, bucket.tokens + passed * settings.perSecond)
        bucket.atMillis = nowMillis
        let isAllowed = bucket.tokens >= 1
        if isAllowed { bucket.tokens -= 1 }
        keep(bucket, of: user)
        if isAllowed { return .allowed }
        return .limited(retryAfterMillis: Int64(((1 - bucket.tokens) / settings.perSecond * 1000).rounded(.up)))
    }

    /// Users with a bucket.
    package var count: Int { newer.count + older.keys.count { newer[$0] == nil } }

    private mutating func keep(_ bucket: Bucket, of user: UserID) {
        newer[user] = bucket
        guard newer.count >= max(1, settings.bucketsMax / 2) else { return }
        older = newer
        newer = [:]
    }
}
