import Foundation
import StreamRuntime
import Synchronization

/// The open transactions of one attempt of one job: where its writers hand over their frames, epoch by
/// epoch, until the coordinator commits them.
///
/// Epoch N+1 is staged while N is being prepared and committed (rule 6).
final class TransactionSession: @unchecked Sendable {
    // All `var`s are guarded by `condition`.

    let owner: LogOwner
    let attempt: AttemptID
    private let options: LogStoreOptions
    private let folder: String

    private struct Staging {
        var data = StagedData()
        var endedWriters = 0
    }
    private let condition = MonotonicCondition()
    private var begun: Epoch?
    private var writers = 0
    private var epochs: [Epoch: Staging] = [:]
    private var failure: (any Error)?
    private var pool: [RawBuffer] = []
    private var wakes: [@Sendable () -> Void] = []
    private static let poolMax = 64

    /// Bytes that were sealed and are not committed yet, in memory and spilled.
    private let stagedBytes = Atomic<Int>(0)
    private let memoryBytes = Atomic<Int>(0)
    /// One more than the last epoch committed.
    private let oldestOpen = Atomic<UInt64>(0)

    init(owner: LogOwner, attempt: AttemptID, options: LogStoreOptions, folder: String) {
        self.owner = owner
        self.attempt = attempt
        self.options = options
        self.folder = folder
    }

    private func withLock<T>(_ body: () throws -> T) rethrows -> T {
        condition.lock()
        defer { condition.unlock() }
        return try body()
    }

    // MARK: the writers' side, on task threads

    func addWriter(wake: @escaping @Sendable () -> Void) { withLock { wakes.append(wake) } }

    /// The epoch that was opened first.
    func firstEpoch() throws -> Epoch {
        try withLock {
            if let failure { throw failure }
            guard let begun else { throw LogUsageError("a record was written before an epoch was begun") }
            return begun
        }
    }

    /// Whether a writer whose records belong to `epoch` should be fed. Two atomic loads.
    ///
    /// A writer that has ended an epoch only waits for its commit, which needs nothing more of it. A
    /// writer that has not is never held back: its barrier may lie behind the records it would refuse.
    func isReady(_ epoch: Epoch?) -> Bool {
        if stagedBytes.load(ordering: .relaxed) <= options.stagingBytesMax { return true }
        guard let epoch else { return true }
        return epoch.rawValue <= oldestOpen.load(ordering: .acquiring)
    }

    func takeBuffer() -> RawBuffer? { withLock { pool.popLast() } }

    func add(_ frame: StagedFrame, to partition: LogTopicPartition, _ epoch: Epoch) throws {
        try withLock {
            if let failure { throw failure }
            var frame = frame
            var staging = epochs[epoch] ?? Staging()
            if memoryBytes.load(ordering: .relaxed) + frame.frameBytes > options.stagingBytesMax,
                case .memory(let buffer) = frame.place
            {
                try spill(&frame, buffer, &staging, epoch)
            } else {
                memoryBytes.wrappingAdd(frame.frameBytes, ordering: .relaxed)
            }
            staging.data.add(frame, to: partition)
            epochs[epoch] = staging
            stagedBytes.wrappingAdd(frame.frameBytes, ordering: .relaxed)
        }
    }

    private func spill(
        _ frame: inout StagedFrame, _ buffer: RawBuffer, _ staging: inout Staging, _ epoch: Epoch
    ) throws {
        let file = try staging.data.spill ?? SpillFile(in: folder)
        staging.data.spill = file
        guard file.end + Int64(frame.frameBytes) <= options.spillBytesMax else {
            throw LogUsageError(
                "epoch \(epoch) of \(owner) holds more than \(options.spillBytesMax) bytes of uncommitted records: "
                    + "checkpoint more often or raise spillBytesMax")
        }
        frame.place = .spilled(at: try file.append(buffer.bytes))
        recycle(buffer)
    }

    private func recycle(_ buffer: RawBuffer) {
        if buffer.capacity >= StagingArea.frameBytesFull, pool.count < Self.poolMax { pool.append(buffer) }
    }

    func writerEnded(_ epoch: Epoch) throws {
        try withLock {
            if let failure { throw failure }
            epochs[epoch, default: Staging()].endedWriters += 1
            condition.broadcast()
        }
    }

    // MARK: the coordinator's side

    func begin(_ epoch: Epoch, writers: Int) throws {
        try withLock {
            if let failure { throw failure }
            self.writers = writers
            guard begun == nil else { return }
            begun = epoch
            oldestOpen.store(epoch.rawValue, ordering: .releasing)
        }
    }

    /// Waits until every writer has ended `epoch`.
    func awaitEnded(_ epoch: Epoch, timeoutMillis: Int, isCancelled: () -> Bool) throws {
        let clock = SystemClock()
        let deadline = clock.monotonicNanos() + Int64(timeoutMillis) * 1_000_000
        try withLock {
            while true {
                if let failure { throw failure }
                let ended = epochs[epoch]?.endedWriters ?? 0
                if ended >= writers { return }
                if isCancelled() { throw LogUsageError("epoch \(epoch) of \(owner) was given up: the job is being stopped") }
                let left = deadline - clock.monotonicNanos()
                guard left > 0 else {
                    throw LogUsageError(
                        "\(ended) of \(writers) writers ended epoch \(epoch) of \(owner) within \(timeoutMillis) ms: "
                            + "a task is stuck, or the checkpoint time-out is too short")
                }
                // Woken by the last writer; the bound is for `isCancelled`.
                condition.wait(nanos: min(left, 100_000_000))
            }
        }
    }

    /// The records of `epoch`. They count as staged until `committed`.
    func data(of epoch: Epoch) throws -> StagedData {
        try withLock {
            if let failure { throw failure }
            if let other = epochs.keys.filter({ $0 < epoch }).min() {
                throw LogUsageError("epoch \(epoch) of \(owner) cannot be committed before epoch \(other)")
            }
            return epochs[epoch]?.data ?? StagedData()
        }
    }

    /// `epoch` is decided: lets go of its records and wakes writers that waited for room.
    func committed(_ epoch: Epoch) {
        let wakes = withLock { () -> [@Sendable () -> Void] in
            let wasFull = stagedBytes.load(ordering: .relaxed) > options.stagingBytesMax
            if let done = epochs.removeValue(forKey: epoch) { release(done) }
            oldestOpen.store(epoch.next.rawValue, ordering: .releasing)
            return wasFull ? self.wakes : []
        }
        for wake in wakes { wake() }
    }

    private func release(_ staging: Staging) {
        for frame in staging.data.frames.values.joined() {
            guard case .memory(let buffer) = frame.place else { continue }
            memoryBytes.wrappingSubtract(frame.frameBytes, ordering: .relaxed)
            recycle(buffer)
        }
        stagedBytes.wrappingSubtract(staging.data.bytes, ordering: .relaxed)
    }

    /// Drops everything uncommitted; whoever still writes or waits gets `error`. Idempotent.
    func end(_ error: any Error) {
        withLock {
            guard failure == nil else { return }
            failure = error
            epochs = [:]
            pool = []
            wakes = []
            condition.broadcast()
        }
    }
}
