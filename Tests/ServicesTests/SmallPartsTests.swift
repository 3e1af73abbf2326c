import Foundation
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

@Suite struct RetryBudgetTests {
    @Test func retriesAreATenthOfRequestsAndAFewAtOnce() {
        var budget = RetryBudget()
        var granted = 0
        while budget.withdraw() { granted += 1 }
        #expect(granted == 10)
        for _ in 0..<1000 {
            budget.deposit()
            if budget.withdraw() { granted += 1 }
        }
        #expect((105...111).contains(granted))
    }
}

@Suite struct RFC3339Tests {
    @Test func timesGoThereAndBackToTheMillisecond() {
        for millis: Int64 in [
            0, 1, 999, 1000, 1_700_000_000_001, 1_700_000_000_999, 253_402_300_799_999, -1, -1000, -62_135_596_800_000,
        ] {
            #expect(RFC3339.millis(RFC3339.text(millis)) == millis, "\(millis) \(RFC3339.text(millis))")
        }
        #expect(RFC3339.text(1_700_000_000_001) == "2023-11-14T22:13:20.001Z")
    }

    @Test func aTimeThatHasNoFourDigitYearIsWrittenAsTheNearest() {
        #expect(RFC3339.text(.min).hasPrefix("0001-01-0"))  // calendars differ by two days that far back
        #expect(RFC3339.text(.max) == "9999-12-31T23:59:59.999Z")
    }

    @Test func otherSpellingsOfATimeAreRead() {
        #expect(RFC3339.millis("2023-11-14T22:13:20Z") == 1_700_000_000_000)
        #expect(RFC3339.millis("2023-11-14T22:13:20.5Z") == 1_700_000_000_500)
        #expect(RFC3339.millis("2023-11-14T22:13:20.123456789Z") == 1_700_000_000_123)
        #expect(RFC3339.millis("2023-11-14T23:13:20+01:00") == 1_700_000_000_000)
        for bad in ["", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14 22:13:20Z", "2023-13-14T22:13:20Z", "1700000000"] {
            #expect(RFC3339.millis(bad) == nil, "\(bad)")
        }
    }
}

@Suite struct SecretFileTests {
    @Test func aSecretIsMadeOnceAndReadByItsOwnerOnly() throws {
        let folder = NSTemporaryDirectory() + "weir-secret-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/a/key"
        let made = try SecretFile.load(path)
        #expect(made.utf8.count >= 43)
        #expect(try SecretFile.load(path) == made)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        // Nothing is left beside it.
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/a")
        #expect(names == ["key"])
        chmod(path, 0o644)
        #expect(throws: SecretFileError.self) { try SecretFile.load(path) }
        chmod(path, 0o600)
        try Data("short\n".utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o600)
        #expect(throws: SecretFileError.self) { try SecretFile.load(path) }
    }

    @Test func theNameOfASecretThatIsMadeIsSynced() throws {
        let folder = NSTemporaryDirectory() + "weir-secret-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/key"
        var synced: [(folder: String, isThere: Bool)] = []
        let sync = { synced.append(($0, FileManager.default.fileExists(atPath: path))) }
        let made = try SecretFile.load(path, syncFolder: sync)
        #expect(synced.map(\.folder) == [URL(fileURLWithPath: folder).path])
        #expect(synced.map(\.isThere) == [true])
        #expect(try SecretFile.load(path, syncFolder: sync) == made)
        #expect(synced.count == 1, "once, when it is made")
    }

    @Test func aCredentialIsNeverPrinted() {
        let credential = InternalCredential.random()
        #expect(!"\(credential)".contains(credential.text))
        var dumped = ""
        dump(credential, to: &dumped)
        #expect(!dumped.contains(credential.text))
        #expect(InternalCredential("short") == nil)
        #expect(InternalCredential("has a blank in it, so no header") == nil)
    }
}
