import StreamRuntime

/// One line of the log, and its two written forms.
struct LogLine {
    var wallMillis: Int64
    var level: LogLevel
    var logger: String
    var message: String
    /// Sorted by name.
    var fields: [(name: String, value: String)]

    /// `{"ts":"2026-01-31T12:00:00.000Z","level":"info","logger":"weir","message":"…","fields":{…}}`.
    func json() -> [UInt8] {
        var text = "{\"ts\":\"\(UTCTime.text(wallMillis))\",\"level\":\"\(level.rawValue)\",\"logger\":"
        text += JSONText.quoted(logger)
        text += ",\"message\":"
        text += JSONText.quoted(message)
        if !fields.isEmpty {
            text += ",\"fields\":{"
            text += fields.map { "\(JSONText.quoted($0.name)):\(JSONText.quoted($0.value))" }.joined(separator: ",")
            text += "}"
        }
        return Array((text + "}\n").utf8)
    }

    /// `12:00:00.000 INFO  message  name=value`, coloured. Control characters are escaped, so that what is
    /// logged can neither forge a line nor steer the terminal.
    func pretty() -> [UInt8] {
        let time = UTCTime.text(wallMillis).dropFirst(11)
        var text = "\u{1B}[2m\(time)\u{1B}[0m \(Self.colour(level))\(level.rawValue.uppercased())\u{1B}[0m "
        text += String(repeating: " ", count: max(0, 7 - level.rawValue.count)) + Self.visible(message)
        for field in fields { text += " \u{1B}[2m\(field.name)=\u{1B}[0m\(Self.visible(field.value))" }
        return Array((text + "\n").utf8)
    }

    private static func colour(_ level: LogLevel) -> String {
        switch level {
        case .trace, .debug: "\u{1B}[2m"
        case .info, .notice: "\u{1B}[32m"
        case .warning: "\u{1B}[33m"
        case .error, .critical: "\u{1B}[31m"
        }
    }

    private static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 32 || (127...159).contains($0.value) }) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 10: shown += "\\n"
            case 0..<32, 127...159: shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}

/// RFC 3339 in UTC with milliseconds, without Foundation's formatters.
package enum UTCTime {
    package static func text(_ wallMillis: Int64) -> String {
        let (days, millis) = floorDivision(wallMillis, by: 86_400_000)
        let (year, month, day) = civil(days)
        let seconds = millis / 1000
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
            + "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
            + ".\(padded(millis % 1000, 3))Z"
    }

    /// Days since 1970-01-01 to a date of the Gregorian calendar (H. Hinnant, "chrono-compatible date algorithms").
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivision(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func floorDivision(_ value: Int64, by divisor: Int64) -> (Int64, Int64) {
        let quotient = value / divisor - (value % divisor < 0 ? 1 : 0)
        return (quotient, value - quotient * divisor)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
