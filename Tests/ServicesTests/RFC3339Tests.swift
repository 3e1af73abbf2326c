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
}
