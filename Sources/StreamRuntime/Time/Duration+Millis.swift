extension Duration {
    public static func minutes(_ minutes: some BinaryInteger) -> Duration { .seconds(60) * Int(minutes) }
    public static func hours(_ hours: some BinaryInteger) -> Duration { .seconds(3600) * Int(hours) }
    public static func days(_ days: some BinaryInteger) -> Duration { .seconds(86_400) * Int(days) }

    /// Whole milliseconds, rounded towards zero; saturates.
    @usableFromInline var wholeMillis: Int64 {
        let (seconds, attoseconds) = components
        let (millis, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, overflow2) = millis.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return overflow2 ? (seconds < 0 ? .min : .max) : sum
    }
}
