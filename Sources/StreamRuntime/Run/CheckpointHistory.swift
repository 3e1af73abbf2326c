import Synchronization

/// One checkpoint of a running job, as told to people and tools. Times are Unix milliseconds, sizes bytes.
public struct CheckpointRecord: Sendable, Equatable, Codable {
    /// Raw values are Flink's names.
    public enum Status: String, Sendable, Codable { case inProgress = "IN_PROGRESS", completed = "COMPLETED", failed = "FAILED" }

    /// What one subtask had to do with it.
    public struct Share: Sendable, Equatable, Codable {
        /// The chain's name, as in the `task` label of metrics.
        public let task: String
        public let subtask: Int
        /// From the subtask's first to its last barrier.
        public var alignmentMillis = 0
        /// From the subtask's last barrier until the barrier was handed on: it processed nothing meanwhile. `nil`: not yet,
        /// or told by a release that did not measure it; so with `takenAtMillis`.
        public var pauseMicros: Int?
        /// When its snapshot was handed over to be written.
        public var takenAtMillis: Int64?
        /// When its state was durable; `nil`: not yet.
        public var acknowledgedAtMillis: Int64?
        public var stateBytes = 0

        public init(task: String, subtask: Int) {
            self.task = task
            self.subtask = subtask
        }
    }

    public let epoch: UInt64
    public var status = Status.inProgress
    public let triggeredAtMillis: Int64
    /// When it was decided or given up.
    public var endedAtMillis: Int64?
    public var durationMillis = 0
    /// All files it consists of.
    public var stateBytes = 0
    /// The files that the checkpoint before it did not have.
    public var newBytes = 0
    public var shares: [Share]
    /// The manifest.
    public var path: String?
    public var failure: String?
    /// The folder of the savepoint that was made of it, the last of several; `nil`: none, or told by a release that did not
    /// tell it; so with `isDiscarded`.
    public var savepointPath: String?
    /// Newer ones have taken its place, and its manifest was deleted. A savepoint made of it stays.
    public var isDiscarded: Bool?

    public init(epoch: UInt64, triggeredAtMillis: Int64, shares: [Share]) {
        self.epoch = epoch
        self.triggeredAtMillis = triggeredAtMillis
        self.shares = shares
    }

    public var acknowledgedCount: Int { shares.count { $0.acknowledgedAtMillis != nil } }
    public var alignmentMillisMax: Int { shares.map(\.alignmentMillis).max() ?? 0 }
    /// `nil` where no subtask tells.
    public var pauseMicrosMax: Int? { shares.compactMap(\.pauseMicros).max() }
}

/// What a start went on from.
public struct RestoredCheckpoint: Sendable, Equatable, Codable {
    public let epoch: UInt64
    public let restoredAtMillis: Int64
    /// The manifest; of a savepoint, its folder.
    public let path: String
    public let isSavepoint: Bool

    public init(epoch: UInt64, restoredAtMillis: Int64, path: String, isSavepoint: Bool) {
        self.epoch = epoch
        self.restoredAtMillis = restoredAtMillis
        self.path = path
        self.isSavepoint = isSavepoint
    }
}

/// The last checkpoints of a job in this process, over all its attempts. Written by the coordinator, read by any thread.
public final class CheckpointHistory: Sendable {
    public static let recordsKept = 50

    public struct Reading: Sendable, Equatable, Codable {
        /// Oldest first, at most `recordsKept`.
        public var records: [CheckpointRecord] = []
        /// Of this process, older ones than `records` included.
        public var completed = 0
        public var failed = 0
        public var restores = 0
        public var lastRestored: RestoredCheckpoint?
        /// The last decided one that a savepoint was made of, also when it is older than `records`.
        public var lastSavepoint: CheckpointRecord?

        public init() {}
    }

    private struct State {
        var reading = Reading()
        var lastFiles: Set<CheckpointFile> = []
    }
    private let state = Mutex(State())

    public init() {}

    public var current: Reading { state.withLock { $0.reading } }

    func began(_ epoch: Epoch, atMillis millis: Int64, shares: [CheckpointRecord.Share]) {
        state.withLock {
            $0.reading.records.append(CheckpointRecord(epoch: epoch.rawValue, triggeredAtMillis: millis, shares: shares))
            if $0.reading.records.count > Self.recordsKept { $0.reading.records.removeFirst() }
        }
    }

    func taken(share index: Int, _ times: StreamTask.BarrierTimes, atMillis millis: Int64) {
        updateOpen {
            $0.shares[index].alignmentMillis = Int(times.alignmentNanos / 1_000_000)
            $0.shares[index].pauseMicros = Int(times.pauseNanos / 1_000)
            $0.shares[index].takenAtMillis = millis
        }
    }

    func acknowledged(share index: Int, atMillis millis: Int64, bytes: Int) {
        updateOpen {
            $0.shares[index].acknowledgedAtMillis = millis
            $0.shares[index].stateBytes = bytes
        }
    }

    func completed(_ manifest: CheckpointManifest, path: String, atMillis millis: Int64, nanos: Int64) {
        state.withLock { state in
            let files = Set(manifest.files)
            let newBytes = files.subtracting(state.lastFiles).reduce(0) { $0 + $1.bytes }
            state.reading.completed += 1
            Self.updateOpen(&state) {
                $0.status = .completed
                $0.endedAtMillis = millis
                $0.durationMillis = Int(nanos / 1_000_000)
                $0.stateBytes = files.reduce(0) { $0 + $1.bytes }
                $0.newBytes = newBytes
                $0.path = path
            }
            state.lastFiles = files
            Self.noteSavepoint(&state, manifest.id?.epoch.rawValue)
        }
    }

    /// Before or after the checkpoint that it was made of is told to be completed.
    func savepointWritten(of epoch: Epoch, path: String) {
        state.withLock { state in
            guard let index = state.reading.records.lastIndex(where: { $0.epoch == epoch.rawValue }) else { return }
            state.reading.records[index].savepointPath = path
            Self.noteSavepoint(&state, epoch.rawValue)
        }
    }

    private static func noteSavepoint(_ state: inout State, _ epoch: UInt64?) {
        guard let record = state.reading.records.last(where: { $0.epoch == epoch }), record.status == .completed,
            record.savepointPath != nil
        else { return }
        state.reading.lastSavepoint = record
    }

    /// Of the decided checkpoints these are left; the one that is just being decided need not be among them.
    func retained(_ epochs: Set<UInt64>) {
        state.withLock { state in
            for index in state.reading.records.indices
            where state.reading.records[index].status == .completed && !epochs.contains(state.reading.records[index].epoch) {
                state.reading.records[index].isDiscarded = true
            }
        }
    }

    /// The attempt has failed; an open checkpoint failed with it. False: there was none.
    func attemptFailed(atMillis millis: Int64, reason: String) -> Bool {
        state.withLock { state in
            guard state.reading.records.last?.status == .inProgress else { return false }
            state.reading.failed += 1
            Self.updateOpen(&state) {
                $0.status = .failed
                $0.endedAtMillis = millis
                $0.durationMillis = Int(max(0, millis - $0.triggeredAtMillis))
                $0.failure = reason
            }
            return true
        }
    }

    func restored(_ manifest: CheckpointManifest, path: String, isSavepoint: Bool, atMillis millis: Int64) {
        state.withLock {
            $0.reading.restores += 1
            $0.reading.lastRestored = RestoredCheckpoint(
                epoch: manifest.id?.epoch.rawValue ?? 0, restoredAtMillis: millis, path: path, isSavepoint: isSavepoint)
            $0.lastFiles = Set(manifest.files)
        }
    }

    private func updateOpen(_ body: (inout CheckpointRecord) -> Void) {
        state.withLock { Self.updateOpen(&$0, body) }
    }

    /// One epoch is open at a time (CheckpointProtocol P1): the last record, unless it has ended.
    private static func updateOpen(_ state: inout State, _ body: (inout CheckpointRecord) -> Void) {
        guard let last = state.reading.records.indices.last, state.reading.records[last].status == .inProgress else { return }
        body(&state.reading.records[last])
    }
}
