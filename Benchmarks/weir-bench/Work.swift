import ConnectorLog
import Foundation
import Jobs
import StateRocksDB
import StreamRuntime
import Trading
import TradingStores

/// The measured jobs, run in this process.
struct Work {
    let folder: String
    let threads: Int
    let divisor: Int
    let startedNanos: Int64

    func perform(_ measurement: Measurement) throws -> Measurement.Result {
        switch measurement {
        case .passThrough: try passThrough()
        case .keyedCountHeap: try keyedCount(HeapBackend())
        case .keyedCountRocksDB: try keyedCount(RocksDBBackend())
        case .windows: try windows(slides: false)
        case .slidingWindows: try windows(slides: true)
        case .sessions: try sessions()
        case .maps: try maps(large: false)
        case .largeMaps: try maps(large: true)
        case .start, .restart: try firstRecord()
        case .trades: try trades()
        case .kafkaCopy, .kafkaBare:
            try KafkaCopy(folder: folder, records: measurement.records / divisor, options: options()).run(
                bare: measurement == .kafkaBare)
        }
    }

    private func options() -> JobOptions {
        var options = JobOptions()
        options.parallelism = threads
        options.threads = threads
        options.checkpointRoot = "\(folder)/checkpoints"
        options.workRoot = "\(folder)/state"
        options.checkpointIntervalMillis = 1000
        options.restart = .none
        return options
    }

    private func measure(_ records: Int64, _ job: some StreamJob, _ backend: any StateBackend) throws -> Measurement.Result {
        let metrics = MetricRegistry()
        let runner = try JobRunner(job, options: options(), environment: JobEnvironment(backend: backend, metrics: metrics))
        let clock = SystemClock()
        let (began, cpu) = (clock.monotonicNanos(), Usage.cpuSeconds())
        try runner.run()
        var result = Measurement.Result()
        result.records = Int(records)
        result.seconds = Double(clock.monotonicNanos() - began) / 1e9
        result.cpuSeconds = Usage.cpuSeconds() - cpu
        result.checkpoints = Int(metrics.value("weir_checkpoints_completed_total") ?? 0)
        result.peakMemoryMiB = Usage.peakMemoryMiB()
        result.note = "\(result.checkpoints) checkpoints"
        return result
    }

    private func check(_ total: ChecksumSink.Total, _ expected: Int64, results: Int64? = nil) throws {
        let (sum, count) = (total.sum.load(ordering: .relaxed), total.count.load(ordering: .relaxed))
        guard sum == expected, count == results ?? count else {
            let wanted = results.map { " over \($0)" } ?? ""
            throw BenchFailure("checksum \(sum) over \(count) results, expected \(expected)\(wanted)")
        }
    }

    private func passThrough() throws -> Measurement.Result {
        let count = Int64(Measurement.passThrough.records / divisor)
        let total = ChecksumSink.Total()
        // Which operator runs is decided now, so that the compiler cannot have specialised for one.
        let operation = Bool.random() ? "sum" : "xor"
        let result = try measure(
            count, PassThrough(count: count, parallelism: threads, operation: operation, total: total), HeapBackend())
        try check(total, Measurement.passThrough.checksum(count, operation: operation), results: count)
        return result
    }

    private func keyedCount(_ backend: any StateBackend) throws -> Measurement.Result {
        let count = Int64(Measurement.keyedCountHeap.records / divisor)
        let total = ChecksumSink.Total()
        let result = try measure(count, KeyedCount(count: count, parallelism: threads, total: total), backend)
        try check(total, KeyedCount.expected(count, keys: KeyedCount.keys), results: count)
        return result
    }

    private func windows(slides: Bool) throws -> Measurement.Result {
        let count = Int64(Measurement.windows.records / divisor)
        let total = ChecksumSink.Total()
        let result = try measure(
            count, WindowedCount(count: count, slides: slides, parallelism: threads, total: total), HeapBackend())
        try check(total, WindowedCount.expected(count, slides: slides))
        return result
    }

    /// Ten million keys with an open session each, all of which end at once: what is held in memory is the backend's share.
    private func sessions() throws -> Measurement.Result {
        let keys = Int64(Measurement.sessions.records / 2 / divisor)
        let total = ChecksumSink.Total()
        var result = try measure(
            2 * keys, Sessions(keys: keys, parallelism: threads, total: total), RocksDBBackend(memoryBytes: 128 << 20))
        try check(total, 2 * keys, results: keys)
        result.note += ", \(keys) session keys within 128 MiB of state memory"
        return result
    }

    private func maps(large: Bool) throws -> Measurement.Result {
        let count = Int64(Measurement.maps.records / divisor)
        let total = ChecksumSink.Total()
        let result = try measure(
            count, MapCount(count: count, isLarge: large, parallelism: threads, total: total), RocksDBBackend())
        try check(total, Measurement.maps.checksum(count, operation: ""), results: count)
        return result
    }

    /// From the start of this process to the first record out of a keyed job with state.
    private func firstRecord() throws -> Measurement.Result {
        let first = FirstRecord()
        var options = options()
        options.checkpointIntervalMillis = 200
        let runner = try JobRunner(Endless(first: first), options: options, environment: JobEnvironment())
        let isVictim = divisor == 1 && startedNanos > 0 && CommandLine.arguments.contains("0")
        if !isVictim { first.then = { runner.stop(drain: false) } }
        try runner.run()
        var result = Measurement.Result()
        result.firstRecordSeconds = Double(first.atNanos - startedNanos) / 1e9
        result.peakMemoryMiB = Usage.peakMemoryMiB()
        return result
    }

    /// Orders through trade-execution on the embedded log, RocksDB portfolios and prices in memory.
    private func trades() throws -> Measurement.Result {
        let count = Measurement.trades.records / divisor
        let log = try LogStore(path: "\(folder)/log")
        let portfolios = try RocksDBPortfolioStore(path: "\(folder)/portfolios")
        let prices = MemoryPriceStore()
        try blocking { try await prepare(log, portfolios, prices, count) }
        let job = TradeExecutionJob(
            transport: .log(log), portfolios: portfolios, prices: prices,
            policy: ExecutionPolicy(symbols: Set(Listing.standard.map(\.symbol))))
        let metrics = MetricRegistry()
        let runner = try JobRunner(job, options: options(), environment: JobEnvironment(metrics: metrics))
        let clock = SystemClock()
        let (began, cpu) = (clock.monotonicNanos(), Usage.cpuSeconds())
        let watcher = Thread {
            while metrics.sum("weir_trades_total") + metrics.sum("weir_rejections_total") < Double(count) { usleep(2000) }
            runner.stop(drain: false)
        }
        watcher.start()
        try runner.run()
        var result = Measurement.Result()
        result.records = count
        result.seconds = Double(clock.monotonicNanos() - began) / 1e9
        result.cpuSeconds = Usage.cpuSeconds() - cpu
        result.peakMemoryMiB = Usage.peakMemoryMiB()
        result.note = Usage.busiest(metrics)
        try blocking { await portfolios.close() }
        return result
    }

    private func prepare(
        _ log: LogStore, _ portfolios: RocksDBPortfolioStore, _ prices: MemoryPriceStore, _ count: Int
    ) async throws {
        var settings = OrderGenerator.Settings(startMillis: 1_700_000_000_000)
        settings.usersCount = 10_000
        let generator = OrderGenerator(settings)
        for user in 0..<settings.usersCount {
            _ = try await portfolios.openAccount(OrderGenerator.user(user), cash: Money(units: 1_000_000_0000))
        }
        let now = SystemClock().wallMillis() + 3_600_000
        _ = try await prices.update(
            Listing.standard.map { PriceTick(symbol: $0.symbol, price: $0.basePrice, seq: 1, timestampMillis: now) })
        for start in stride(from: 0, to: count, by: 10_000) {
            _ = try await log.append(
                (start..<min(start + 10_000, count)).map { number in
                    let order = generator.order(at: Int64(number))
                    return LogRecord(topic: "trade_orders", key: Array(order.userID.text.utf8), value: order.encoded())
                })
        }
    }

    private func blocking(_ body: @escaping @Sendable () async throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let outcome = Outcome()
        Task {
            do { try await body() } catch { outcome.error = error }
            done.signal()
        }
        done.wait()
        if let error = outcome.error { throw error }
    }

    private final class Outcome: @unchecked Sendable {  // written by the task before it signals, read after
        var error: (any Error)?
    }
}

/// A keyed job without end that notes when its first record came out.
struct Endless: StreamJob {
    static let name = "bench-endless"
    let first: FirstRecord

    func build(_ flow: Flow) {
        let first = first
        flow.source(GeneratorSource(splits: 2, ratePerSecond: 2_000_000) { $0 })
            .keyed(by: { $0 % 100_000 })
            .fold(Int64(0)) { count, _ in count += 1 }
            .sink(ForEachSink { _ in first.note() })
    }
}

/// When the first record came. `atNanos` is written by the first sink that gets one, under the lock.
final class FirstRecord: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var atNanos: Int64 = 0
    var then: (() -> Void)?

    func note() {
        if atNanos != 0 { return }
        lock.lock()
        defer { lock.unlock() }
        guard atNanos == 0 else { return }
        atNanos = SystemClock().monotonicNanos()
        then?()
    }
}

/// What this process has used.
enum Usage {
    private static func read() -> rusage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage
    }

    static func cpuSeconds() -> Double {
        let usage = read()
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    static func peakMemoryMiB() -> Double { Double(read().ru_maxrss) / 1024 }

    /// The task that was busy for longest.
    static func busiest(_ metrics: MetricRegistry) -> String {
        var busy: [String: Double] = [:]
        for sample in metrics.read() where sample.name == "weir_task_busy_seconds_total" {
            for series in sample.series {
                if case .number(let seconds) = series.value { busy[series.labels["task"] ?? "", default: 0] += seconds }
            }
        }
        guard let top = busy.max(by: { $0.value < $1.value }) else { return "" }
        return "busiest task: \(top.key) (\(String(format: "%.1f", top.value)) s busy)"
    }
}
