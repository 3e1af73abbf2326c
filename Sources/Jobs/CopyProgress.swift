import Foundation
import StreamRuntime

/// How far a job that copies the executed trades has come, by a checkpoint: which of them its store must hold.
public struct CopyProgress: Sendable, Equatable {
    /// The first offset that is not read, by partition.
    private let next: [Int32: Int64]

    /// Lists of operators that hold times, and no trades.
    private static let timeSchemas: Set<String> = ["split-watermark", "watermark"]

    /// Nil when the checkpoint does not tell: it holds trades, or bars, that the store had not taken when it was made.
    public init?(_ manifest: CheckpointManifest, topics: TradingTopics = TradingTopics()) {
        let lists = manifest.operators.flatMap(\.lists)
        guard !lists.contains(where: { $0.count > 0 && !Self.timeSchemas.contains($0.schema) }) else { return nil }
        var next: [Int32: Int64] = [:]
        for position in manifest.operators.flatMap(\.positions) {
            let parts = position.split.split(separator: "/")
            guard parts.count == 2, parts[0] == topics.executed, let partition = Int32(parts[1]) else { continue }
            next[partition] = position.next
        }
        self.next = next
    }

    /// By the job's newest checkpoint; nil when there is none that can be read.
    public static func newest(checkpointRoot: String, job: JobID) -> CopyProgress? {
        let store = FileCheckpointStore(reading: "\(checkpointRoot)/\(job)")
        guard let name = (try? store.manifestNames())?.last, let manifest = try? store.manifest(named: name).manifest else {
            return nil
        }
        return CopyProgress(manifest)
    }

    /// Whether the job has read a trade, and so its store has taken it or refused it.
    public func hasRead(partition: Int32, offset: Int64) -> Bool { offset < next[partition, default: 0] }
}
