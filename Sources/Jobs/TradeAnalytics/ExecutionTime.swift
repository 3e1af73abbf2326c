import StreamRuntime

/// The event time of executed trades: they come late by at most a bound, as with `.boundedOutOfOrderness`, and one from the
/// future is not believed. It keeps its own minute; it does not make all the others late. Owned by one task thread.
package struct ExecutionTime<Element>: WatermarkGenerator {
    /// The clocks of two machines that are looked after differ by less.
    package static var aheadMillisMax: Int64 { 5 * 60_000 }

    private let behindMillis: Int64
    private let nowMillis: @Sendable () -> Int64
    private var greatest = Int64.min

    package init(outOfOrder: Duration, nowMillis: @escaping @Sendable () -> Int64) {
        behindMillis = Int64(outOfOrder / .milliseconds(1)) + 1
        self.nowMillis = nowMillis
    }

    package mutating func observe(_ element: Element, at millis: Int64) {
        guard millis > greatest else { return }
        greatest = max(greatest, min(millis, nowMillis() + Self.aheadMillisMax))
    }

    package var watermark: Int64 {
        let (time, overflow) = greatest.subtractingReportingOverflow(behindMillis)
        return overflow ? .min : time
    }
}
