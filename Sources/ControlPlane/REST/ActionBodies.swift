import WeirKit

// What the requests that change jobs say.

/// Savepoints have one form here; a client may ask for either of Flink's.
enum SavepointFormat: String, CaseIterable { case canonical = "CANONICAL", native = "NATIVE" }

/// What a checkpoint holds is up to the state backend.
enum CheckpointType: String, CaseIterable { case configured = "CONFIGURED", full = "FULL", incremental = "INCREMENTAL" }

struct StopBody: RequestBody {
    let drain: Bool?
    let targetDirectory: String?
    /// Flink's clients always say it: then a savepoint is meant, also when no folder is named.
    let formatType: OneOf<SavepointFormat>?
    let triggerId: TriggerID?
    /// How long the savepoint is waited for (ours).
    let timeoutMillis: Int64?

    enum CodingKeys: String, CodingKey, CaseIterable { case drain, targetDirectory, formatType, triggerId, timeoutMillis }
    static let fields = CodingKeys.allCases.map(\.rawValue)
}

struct SavepointBody: RequestBody {
    let folder: String?
    let cancels: Bool?
    let formatType: OneOf<SavepointFormat>?
    let triggerId: TriggerID?
    /// Ours.
    let timeoutMillis: Int64?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case formatType, triggerId, timeoutMillis
        case folder = "target-directory"
        case cancels = "cancel-job"
    }
    static let fields = CodingKeys.allCases.map(\.rawValue)
}

/// Flink's has none of them.
struct RescaleBody: RequestBody {
    let targetDirectory: String?
    let timeoutMillis: Int64?

    enum CodingKeys: String, CodingKey, CaseIterable { case targetDirectory, timeoutMillis }
    static let fields = CodingKeys.allCases.map(\.rawValue)
}

struct CheckpointBody: RequestBody {
    let checkpointType: OneOf<CheckpointType>?
    let triggerId: TriggerID?

    enum CodingKeys: String, CodingKey, CaseIterable { case checkpointType, triggerId }
    static let fields = CodingKeys.allCases.map(\.rawValue)
}

struct ProfileBody: RequestBody {
    let seconds: Int?
    let method: OneOf<ProfileMethod>?

    enum CodingKeys: String, CodingKey, CaseIterable { case seconds, method }
    static let fields = CodingKeys.allCases.map(\.rawValue)
}

struct LevelsBody: RequestBody {
    let levels: [String: String]

    enum CodingKeys: String, CodingKey, CaseIterable { case levels }
    static let fields = CodingKeys.allCases.map(\.rawValue)
}

extension Submission: RequestBody {
    static let fields = CodingKeys.allCases.map(\.rawValue)
}
