import Foundation
import StreamRuntime
import Synchronization

/// One line of rates a second: rewritten in place on a terminal, a line of its own every five seconds elsewhere.
final class LiveLine: Sendable {
    private struct Reading {
        var orders = 0.0
        var trades = 0.0
        var rejections = 0.0
        var epoch = 0.0
        var lag = 0.0

        init() {}

        init(_ metrics: MetricRegistry) {
            orders = metrics.sum("weir_operator_records_in_total", where: ["operator": "execute"])
            trades = metrics.sum("weir_trades_total")
            rejections = metrics.sum("weir_rejections_total")
            epoch = metrics.sum("weir_checkpoint_last_id")
            lag = metrics.sum("weir_source_lag_records")
        }
    }

    private let task = Mutex<Task<Void, Never>?>(nil)
    private let isTerminal = isatty(STDOUT_FILENO) == 1

    func start(_ runner: JobRunner) {
        let isTerminal = isTerminal
        let printed = Task.detached {
            var last = Reading(runner.metrics)
            var seconds = 0
            var lastEpochAt = 0
            let interval = isTerminal ? 1 : 5
            while (try? await Task.sleep(for: .seconds(interval))) != nil {
                seconds += interval
                let now = Reading(runner.metrics)
                if now.epoch != last.epoch { lastEpochAt = seconds }
                func rate(_ value: Double, _ before: Double) -> Int { Int(max(0, value - before)) / interval }
                let line =
                    "\(seconds) s  orders \(rate(now.orders, last.orders))/s  trades \(rate(now.trades, last.trades))/s  "
                    + "rejected \(rate(now.rejections, last.rejections))/s  "
                    + "checkpoint \(Int(now.epoch)) (\(seconds - lastEpochAt) s ago)  lag \(Int(now.lag))  \(Self.state(runner.status))"
                Self.show(line, isTerminal: isTerminal)
                last = now
            }
        }
        task.withLock { $0 = printed }
    }

    func stop() {
        task.withLock { $0 }?.cancel()
        if isTerminal { say("") }
    }

    private static func state(_ status: JobStatus) -> String {
        switch status {
        case .paused(let systems): "PAUSED: \(systems.joined(separator: ", "))"
        case .restarting: "restarting"
        case .stopping: "stopping"
        default: ""
        }
    }

    private static func show(_ line: String, isTerminal: Bool) {
        let text = isTerminal ? "\r\u{1B}[K\(line)" : "\(line)\n"
        try? StandardOutput.write(text.utf8)
    }
}
