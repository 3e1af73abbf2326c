import Synchronization

/// One failure of an attempt.
public struct FailureRecord: Sendable, Equatable, Codable {
    /// Unix time.
    public let atMillis: Int64
    /// The task, or what the coordinator was doing.
    public let place: String
    /// The Swift type of the error.
    public let type: String
    public let message: String
    /// What the task had in hand: where its source stood, or which record of its input it was; `nil` where unknown.
    public let position: String?
    /// The job was started again after it.
    public let isRestarted: Bool

    public init(atMillis: Int64, place: String, type: String, message: String, position: String? = nil, isRestarted: Bool) {
        self.atMillis = atMillis
        self.place = place
        self.type = type
        self.message = message
        self.position = position
        self.isRestarted = isRestarted
    }
}

/// The last failures of a job in this process. Any thread.
public final class FailureHistory: Sendable {
    public static let recordsKept = 32
    /// An error may quote a whole record.
    private static let messageCharactersMax = 4000

    private let records = Mutex<[FailureRecord]>([])

    public init() {}

    /// Oldest first.
    public var current: [FailureRecord] { records.withLock { $0 } }

    func add(_ error: any Error, atMillis millis: Int64, isRestarted: Bool) {
        let failure = error as? AttemptFailure
        let cause = failure?.cause ?? error
        let record = FailureRecord(
            atMillis: millis, place: failure?.place ?? "start", type: "\(type(of: cause))",
            message: String("\(cause)".prefix(Self.messageCharactersMax)), position: failure?.position, isRestarted: isRestarted)
        records.withLock {
            $0.append(record)
            if $0.count > Self.recordsKept { $0.removeFirst() }
        }
    }
}
