import Services
import Testing

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

    /// They are not taken for the nearest time that there is.
    @Test func aTimeThatNoCalendarHasIsRefused() {
        #expect(RFC3339.millis("2024-02-29T00:00:00Z") == 1_709_164_800_000)
        #expect(RFC3339.millis("2016-12-31T23:59:60Z") == 1_483_228_800_000)  // a leap second
        for bad in [
            "2026-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z", "2026-01-01T12:60:00Z", "2026-01-01T12:00:61Z", "2026-01-01T12:00:00+24:00",
        ] {
            #expect(RFC3339.millis(bad) == nil, "\(bad)")
        }
    }
}
