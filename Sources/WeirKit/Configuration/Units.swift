/// Time spans as users write them: a decimal number and `ms`, `s`, `m`, `h` or `d`. Kept in whole milliseconds.
public enum DurationText {
    private static let units: [(suffix: String, millis: Int)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// `nil` for anything that is not a number with a unit, is negative, or is no whole number of milliseconds.
    public static func parse(_ text: String) -> Int? {
        guard let unit = units.first(where: { UnitNumber.hasSuffix(text, $0.suffix) }) else {
            return text == "0" ? 0 : nil
        }
        return UnitNumber.parse(text.dropLast(unit.suffix.count), times: unit.millis)
    }

    /// The shortest exact form: 60 000 → `1m`, 1 500 → `1500ms`.
    public static func text(_ millis: Int) -> String {
        guard millis > 0 else { return "0" }
        let unit = units.last { millis % $0.millis == 0 } ?? units[0]
        return "\(millis / unit.millis)\(unit.suffix)"
    }
}

/// Sizes as users write them: bytes, or a decimal number with `KiB`, `MiB`, `GiB`, `TiB`.
public enum ByteSize {
    private static let units: [(suffix: String, bytes: Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1),
    ]

    /// `nil` for anything else, negative numbers, and what is no whole number of bytes. `KB` and `k` are
    /// refused: they mean 1 000 to some and 1 024 to others.
    public static func parse(_ text: String) -> Int? {
        guard let unit = units.first(where: { UnitNumber.hasSuffix(text, $0.suffix) }) else {
            return UnitNumber.parse(text[...], times: 1)
        }
        return UnitNumber.parse(text.dropLast(unit.suffix.count), times: unit.bytes)
    }

    /// The shortest exact form: 65 536 → `64KiB`, 1 000 → `1000`.
    public static func text(_ bytes: Int) -> String {
        guard bytes > 0, let unit = units.dropLast().last(where: { bytes % $0.bytes == 0 }) else { return String(bytes) }
        return "\(bytes / unit.bytes)\(unit.suffix)"
    }
}

/// Exact decimal numbers times a unit, without floating point.
private enum UnitNumber {
    /// The suffix follows a digit, so that `ms` is not taken for `s`.
    static func hasSuffix(_ text: String, _ suffix: String) -> Bool {
        text.hasSuffix(suffix) && text.dropLast(suffix.count).last.map(isDigit) ?? false
    }

    private static func isDigit(_ character: Character) -> Bool { character.isASCII && character.isNumber }

    /// `1.5` times 1024 → 1536; `nil` when the result is not whole or does not fit.
    static func parse(_ text: Substring, times unit: Int) -> Int? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.count <= 19 && $0.allSatisfy(isDigit) }),
            let whole = Int(parts[0])
        else { return nil }
        let (scaled, overflow) = whole.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        guard parts.count == 2 else { return scaled }
        guard parts[1].count <= 6, let fraction = Int(parts[1]) else { return nil }
        let tenth = parts[1].reduce(1) { power, _ in power * 10 }
        let (product, tooLarge) = fraction.multipliedReportingOverflow(by: unit)
        guard !tooLarge, product % tenth == 0 else { return nil }
        let (sum, over) = scaled.addingReportingOverflow(product / tenth)
        return over ? nil : sum
    }
}
