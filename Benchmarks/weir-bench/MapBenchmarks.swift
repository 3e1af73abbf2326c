import StreamRuntime

/// source → shuffle by key → count per entry of the key's map → checksum of the counts. Few keys, whose maps become large.
struct MapCount: StreamJob {
    static let name = "bench-maps"
    static let keys: UInt64 = 16
    static let entries: UInt64 = keys * 100_000
    let count: Int64
    let isLarge: Bool
    let parallelism: Int
    let total: ChecksumSink.Total

    func build(_ flow: Flow) {
        let entries = flow.source(
            GeneratorSource(count: count, splits: parallelism) { number in
                Int64(scatter(number).multipliedFullWidth(by: Self.entries).high)
            }
        )
        .keyed(by: { $0 % Int64(Self.keys) })
        if isLarge {
            entries.process { try InLargeMap($0) }.sink(ChecksumSink(total: total))
        } else {
            entries.process { try InMap($0) }.sink(ChecksumSink(total: total))
        }
    }

    struct InMap: KeyedProcessFunction {
        typealias Output = Int64
        let counts: MapState<Int64, Int64, Int64>

        init(_ state: KeyedStateContext<Int64>) throws { counts = try state.map("counts", Int64.self, Int64.self) }

        mutating func process<Out: Collector>(
            _ entry: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == Int64 {
            let count = (counts[key, entry] ?? 0) + 1
            counts[key, entry] = count
            try out.collect(count)
        }
    }

    struct InLargeMap: KeyedProcessFunction {
        typealias Output = Int64
        let counts: LargeMapState<Int64, Int64, Int64>

        init(_ state: KeyedStateContext<Int64>) throws { counts = try state.largeMap("counts", Int64.self, Int64.self) }

        mutating func process<Out: Collector>(
            _ entry: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == Int64 {
            let count = (counts[key, entry] ?? 0) + 1
            counts[key, entry] = count
            try out.collect(count)
        }
    }
}
