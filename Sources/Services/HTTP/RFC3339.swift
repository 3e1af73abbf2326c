import Foundation

/// Times of the HTTP interface: RFC 3339, UTC, milliseconds. Integers throughout: no rounding on the way.
package enum RFC3339 {
    /// The years that are written with four digits. Times of records come from outside and may be anything.
    private static let writable = -62_135_596_800_000...253_402_300_799_999 as ClosedRange<Int64>

    /// A time outside of them is written as the nearest of them.
    package static func text(_ epochMillis: Int64) -> String {
        let epochMillis = min(max(epochMillis, writable.lowerBound), writable.upperBound)
        let seconds = epochMillis.flooredQuotient(1000)
        let millis = epochMillis - seconds * 1000
        let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)  // 2026-01-31T12:00:00Z
        let digits = String(millis)
        return whole.dropLast() + "." + String(repeating: "0", count: 3 - digits.count) + digits + "Z"
    }

    /// Epoch milliseconds; digits of a second beyond the third are dropped. Nil when `text` is no such time.
    package static func millis(_ text: String) -> Int64? {
        guard text.utf8.count <= 40,
            let match = text.wholeMatch(
                of:
                    #/
                    (\d{4}-\d{2}-\d{2}) T ((?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)) (?:\.(\d{1,9}))?
                    (Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)
                    /#),
            isDay(match.1), let date = try? Date("\(match.1)T\(match.2)\(match.4)", strategy: .iso8601)
        else { return nil }
        let fraction = (match.3.map(String.init) ?? "").padding(toLength: 3, withPad: "0", startingAt: 0)
        return Int64(date.timeIntervalSince1970) * 1000 + (Int64(fraction) ?? 0)
    }

    /// Whether a calendar has it: Foundation takes the 30th of February for a day in March.
    private static func isDay(_ text: Substring) -> Bool {
        (try? Date("\(text)T00:00:00Z", strategy: .iso8601))?.formatted(.iso8601).hasPrefix(text) == true
    }
}

extension Int64 {
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        self / divisor - (self % divisor < 0 ? 1 : 0)
    }
}
