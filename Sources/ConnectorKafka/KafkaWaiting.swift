import Foundation
import StreamRuntime

/// Repeats `attempt` while it throws a retriable `KafkaError`, saying so every few seconds, until it
/// succeeds, the job is cancelled (`KafkaCancelled`) or `limitMillis` have passed (the last error).
/// Blocks the calling thread; each attempt should itself be bounded by a second or two.
func waitForKafka<Result>(
    _ what: String, log: RuntimeLog, isCancelled: @Sendable () -> Bool, limitMillis: Int? = nil,
    clock: any RuntimeClock = SystemClock(), attempt: () throws -> Result
) throws -> Result {
    let start = clock.monotonicNanos()
    var nextReport = start + 1_000_000_000
    var pauseMillis = 2
    while true {
        if isCancelled() { throw KafkaCancelled(waitingFor: what) }
        do {
            return try attempt()
        } catch let error as KafkaError where error.isRetriable {
            let now = clock.monotonicNanos()
            if let limitMillis, now - start > Int64(limitMillis) * 1_000_000 { throw error }
            if now >= nextReport {
                nextReport = now + 5_000_000_000
                log(
                    .warning, "waiting for \(what)",
                    ["error": error.description, "waitedSeconds": "\((now - start) / 1_000_000_000)"])
            }
        }
        sleepMillis(pauseMillis, unless: isCancelled)
        pauseMillis = min(pauseMillis * 2, 500)
    }
}

/// Sleeps in slices, so that cancelling is noticed within 50 ms.
func sleepMillis(_ millis: Int, unless isCancelled: () -> Bool) {
    var left = millis
    while left > 0, !isCancelled() {
        usleep(UInt32(min(left, 50)) * 1000)
        left -= 50
    }
}
