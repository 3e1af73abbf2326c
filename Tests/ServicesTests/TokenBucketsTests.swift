import Services
import Testing
import Trading

@Suite struct TokenBucketsTests {
    private static func settings(bucketsMax: Int = 1000) -> TokenBuckets.Settings {
        var settings = TokenBuckets.Settings()
        (settings.perSecond, settings.burst, settings.bucketsMax) = (10, 3, bucketsMax)
        return settings
    }

    @Test func aBurstThenTheRate() {
        var buckets = TokenBuckets(Self.settings())
        for _ in 0..<3 { #expect(buckets.take(ada, nowMillis: 0) == .allowed) }
        #expect(buckets.take(ada, nowMillis: 0) == .limited(retryAfterMillis: 100))
        #expect(buckets.take(ada, nowMillis: 50) == .limited(retryAfterMillis: 50))
        #expect(buckets.take(ada, nowMillis: 100) == .allowed)
        #expect(buckets.take(ada, nowMillis: 100) == .limited(retryAfterMillis: 100))
        // However long it rests, a bucket holds a burst; a clock that goes back fills nothing.
        for _ in 0..<3 { #expect(buckets.take(ada, nowMillis: 3_600_000) == .allowed) }
        #expect(buckets.take(ada, nowMillis: 3_600_000) == .limited(retryAfterMillis: 100))
        #expect(buckets.take(ada, nowMillis: 0) == .limited(retryAfterMillis: 100))
        #expect(buckets.take(bob, nowMillis: 0) == .allowed)
    }

    @Test func memoryIsBoundedWhoeverAsks() {
        var buckets = TokenBuckets(Self.settings(bucketsMax: 100))
        for number in 0..<10_000 {
            _ = buckets.take(UserID("u\(number)")!, nowMillis: 0)
            #expect(buckets.count <= 100)
        }
        // Who keeps asking is not forgotten.
        for _ in 0..<3 { _ = buckets.take(ada, nowMillis: 0) }
        for number in 0..<1000 {
            _ = buckets.take(UserID("v\(number)")!, nowMillis: 0)
            #expect(buckets.take(ada, nowMillis: 0) != .allowed)
        }
    }
}
