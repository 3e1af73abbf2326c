import StreamRuntime

// Snapshots travel between versions: a server reads those of processes that another release started, and its registry keeps
// the last one of each ended job for years. So only what a snapshot is nothing without must be there (whose it is, when it
// was taken, the plan); a part that is missing, or that this version cannot read, is as if there were nothing to tell, and
// what this version does not know is passed over.
extension JobSnapshot {
    private enum Part: String, CodingKey {
        case report, takenAtMillis, plan, subtasks, lagRecords, checkpoints, failures, restarts, settings, latencies,
            operators
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Part.self)
        self.init(
            report: try values.decode(JobReport.self, forKey: .report),
            takenAtMillis: try values.decode(Int64.self, forKey: .takenAtMillis),
            plan: try values.decode(JobDescription.self, forKey: .plan), subtasks: values.readable(.subtasks),
            lagRecords: try? values.decodeIfPresent(Int.self, forKey: .lagRecords),
            checkpoints: (try? values.decode(StoredCheckpoints.self, forKey: .checkpoints))?.reading
                ?? CheckpointHistory.Reading(),
            failures: values.readable(.failures), restarts: (try? values.decode(Int.self, forKey: .restarts)) ?? 0,
            settings: values.readable(.settings), latencies: values.readable(.latencies),
            operators: values.readable(.operators))
    }
}

extension KeyedDecodingContainer {
    /// The elements of an array that can be read; none when there is no array.
    fileprivate func readable<Element: Decodable>(_ key: Key) -> [Element] {
        let elements = try? decode([Readable<Element>].self, forKey: key)
        return (elements ?? []).compactMap(\.value)
    }
}

/// An element of an array, if it can be read: one that cannot takes nothing with it.
private struct Readable<Value: Decodable>: Decodable {
    let value: Value?
    init(from decoder: any Decoder) { value = try? Value(from: decoder) }
}

/// `CheckpointHistory.Reading`, of any version.
private struct StoredCheckpoints: Decodable {
    let reading: CheckpointHistory.Reading

    private enum CodingKeys: String, CodingKey { case records, completed, failed, restores, lastRestored, lastSavepoint }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        var reading = CheckpointHistory.Reading()
        reading.records = values.readable(.records)
        reading.completed = (try? values.decode(Int.self, forKey: .completed)) ?? 0
        reading.failed = (try? values.decode(Int.self, forKey: .failed)) ?? 0
        reading.restores = (try? values.decode(Int.self, forKey: .restores)) ?? 0
        reading.lastRestored = (try? values.decode(StoredRestore.self, forKey: .lastRestored))?.restored
        reading.lastSavepoint = try? values.decodeIfPresent(CheckpointRecord.self, forKey: .lastSavepoint)
        self.reading = reading
    }
}

/// `RestoredCheckpoint`, of any version: the first ones knew no savepoints.
private struct StoredRestore: Decodable {
    let epoch: UInt64
    let restoredAtMillis: Int64
    let path: String
    let isSavepoint: Bool?

    var restored: RestoredCheckpoint {
        RestoredCheckpoint(epoch: epoch, restoredAtMillis: restoredAtMillis, path: path, isSavepoint: isSavepoint ?? false)
    }
}
