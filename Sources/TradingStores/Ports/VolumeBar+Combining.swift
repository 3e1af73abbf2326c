import StoreKit
import Trading

/// Puts one-minute bars of one symbol, which come in time order, together into longer ones.
struct VolumeBars {
    private let intervalMillis: Int64
    private(set) var bars: [VolumeBar] = []

    /// The span of the smallest bar.
    static let minuteMillis: Int64 = 60_000

    init(_ query: VolumeQuery) throws(StoreError) {
        intervalMillis = try query.intervalMillis()
    }

    mutating func add(_ minute: VolumeBar) throws(StoreError) {
        let start = minute.startMillis - floorRemainder(minute.startMillis, intervalMillis)
        guard let last = bars.last, last.startMillis == start else { return bars.append(minute.starting(at: start)) }
        bars[bars.count - 1] = try last.followed(by: minute)
    }
}

/// Not below zero, also for times before 1970.
private func floorRemainder(_ value: Int64, _ divisor: Int64) -> Int64 {
    let remainder = value % divisor
    return remainder < 0 ? remainder + divisor : remainder
}

extension VolumeQuery {
    /// The span of one bar, checked.
    func intervalMillis() throws(StoreError) -> Int64 {
        guard (1...525_600).contains(intervalMinutes) else {
            throw .invalid("bars of \(intervalMinutes) minutes: 1 to 525600 (a year) are possible")
        }
        return intervalMinutes * VolumeBars.minuteMillis
    }
}

extension VolumeBar {
    fileprivate func starting(at millis: Int64) -> VolumeBar {
        VolumeBar(
            symbol: symbol, startMillis: millis, trades: trades, shares: shares, notional: notional, open: open, high: high,
            low: low, close: close)
    }

    /// This bar and one that is later in its span.
    fileprivate func followed(by later: VolumeBar) throws(StoreError) -> VolumeBar {
        let (shares, overflow) = shares.addingReportingOverflow(later.shares)
        guard !overflow, let notional = notional.adding(later.notional) else {
            throw .invalid("the volume of \(symbol) in this span is beyond 64 bits: ask for shorter bars")
        }
        return VolumeBar(
            symbol: symbol, startMillis: startMillis, trades: trades + later.trades, shares: shares, notional: notional,
            open: open, high: max(high, later.high), low: min(low, later.low), close: later.close)
    }
}
