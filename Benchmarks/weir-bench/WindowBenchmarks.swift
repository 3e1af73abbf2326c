import StreamRuntime

/// source → shuffle by key → event-time windows → checksum of their counts. A hundred records a millisecond of event time, up to
/// 63 ms out of order, 10 000 keys: a tumbling window of a second, or one of ten seconds each second.
struct WindowedCount: StreamJob {
    static let name = "bench-windows"
    let count: Int64
    let slides: Bool
    let parallelism: Int
    let total: ChecksumSink.Total

    func build(_ flow: Flow) {
        flow.source(GeneratorSource(count: count, splits: parallelism) { $0 })
            .watermarks(.boundedOutOfOrderness(.milliseconds(100)), at: { $0 / 100 - Int64(scatter($0) & 63) })
            .keyed(by: { Int64(scatter($0).multipliedFullWidth(by: 10_000).high) })
            .window(slides ? .sliding(.seconds(10), every: .seconds(1)) : .tumbling(.seconds(1)))
            .aggregate(Count())
            .map { Int64($0.value) }
            .sink(ChecksumSink(total: total))
    }

    /// Each record is in so many windows, and none is late.
    static func expected(_ count: Int64, slides: Bool) -> Int64 { slides ? 10 * count : count }
}
