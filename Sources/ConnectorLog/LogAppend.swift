import Dispatch
import Synchronization

/// Records of one `append`, encoded and waiting for their offsets.
struct PreparedAppend {
    private(set) var data = StagedData()
    /// Each record's partition, and its place among this append's records there.
    private var places: [(LogTopicPartition, Int64)] = []

    init(_ records: [LogRecord], _ store: LogStore) throws {
        var sealed = StagedData()
        let now = store.options.clock.wallMillis()
        let staging = StagingArea(
            seed: Int.random(in: 0..<Int(Int32.max)), recordBytesMax: store.options.recordBytesMax,
            partitionCount: { try store.topicForWriting($0).partitions }, seal: { sealed.add($1, to: $0) })
        var counts: [LogTopicPartition: Int64] = [:]
        var builder = LogRecordBuilder(topic: "")
        for record in records {
            builder.set(record)
            let partition = try staging.stage(builder) { now }
            let id = LogTopicPartition(topic: record.topic, partition: partition)
            places.append((id, counts[id, default: 0]))
            counts[id, default: 0] += 1
        }
        try staging.sealAll()
        data = sealed
    }

    func placed(_ receipt: CommitEngine.Receipt) -> [LogStore.Appended] {
        places.map { LogStore.Appended(partition: $0, offset: (receipt.baseOffsets[$0] ?? 0) + $1) }
    }
}

/// Appends of asynchronous callers: gathered while a round is being committed, then committed together,
/// on one thread of its own. Callable from any thread.
final class AsyncAppends: Sendable {
    private struct Waiting {
        var data: StagedData
        var continuation: CheckedContinuation<CommitEngine.Receipt, any Error>
    }
    private struct Shared {
        var waiting: [Waiting] = []
        var bytes = 0
        var isDraining = false
    }
    private static let waitingBytesMax = 64 << 20
    private let shared = Mutex(Shared())
    private let queue = DispatchQueue(label: "weir.log.appends")

    func submit(_ data: StagedData, to engine: CommitEngine) async throws -> CommitEngine.Receipt {
        try await withCheckedThrowingContinuation { continuation in
            enum Next { case drain, wait, refuse(Int) }
            let next = shared.withLock { shared -> Next in
                guard shared.bytes + data.bytes <= Self.waitingBytesMax else { return .refuse(shared.bytes) }
                shared.waiting.append(Waiting(data: data, continuation: continuation))
                shared.bytes += data.bytes
                if shared.isDraining { return .wait }
                shared.isDraining = true
                return .drain
            }
            switch next {
            case .wait: break
            case .drain: queue.async { self.drain(into: engine) }
            case .refuse(let bytes):
                continuation.resume(
                    throwing: LogUsageError("\(bytes) bytes wait to be appended already: slow down or append in turn"))
            }
        }
    }

    private func drain(into engine: CommitEngine) {
        while true {
            let round = shared.withLock { shared -> [Waiting] in
                defer {
                    shared.isDraining = !shared.waiting.isEmpty
                    shared.waiting = []
                    shared.bytes = 0
                }
                return shared.waiting
            }
            if round.isEmpty { return }
            let outcomes = engine.submit(round.map { .commit(StagedTransaction(decided: nil, data: $0.data)) })
            for (waiting, outcome) in zip(round, outcomes) { waiting.continuation.resume(with: outcome) }
        }
    }
}
