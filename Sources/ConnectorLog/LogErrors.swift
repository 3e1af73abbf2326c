import StreamRuntime

/// What a committed part of the log should hold and does not: named by file and byte. Nothing was
/// changed; the remedy is to restore the file from a copy, or to give the log up (`weir reset`).
public struct LogCorruption: DataLossError, CustomStringConvertible, Sendable {
    public let file: String
    public let byte: Int64
    public let problem: String

    public init(file: String, byte: Int64, problem: String) {
        self.file = file
        self.byte = byte
        self.problem = problem
    }

    public var description: String {
        "the log is damaged: \(problem), in \(file) at byte \(byte). "
            + "Restore that file from a copy, or clear the log with its checkpoints and start afresh"
    }
}

/// A commit, or a write, of an attempt that is no longer the owner of its island (rule 5).
public struct LogFenced: Error, CustomStringConvertible, Sendable {
    public let owner: LogOwner
    public let attempt: AttemptID
    public let current: AttemptID?

    public var description: String {
        "attempt \(attempt) of job \(owner.job), island \(owner.island), is fenced: "
            + (current.map { "attempt \($0) owns the island now" } ?? "it never claimed the island")
            + ". Stop the older run"
    }
}

/// Another process, or another `LogStore` of this one, is writing to the log.
public struct LogOwnedElsewhere: Error, CustomStringConvertible, Sendable {
    public let path: String
    /// As the owner wrote it down; `nil` if it had not yet.
    public let pid: Int32?

    public var description: String {
        "the log \(path) is being written by \(pid.map { "process \($0)" } ?? "another process"). "
            + "Stop it, or open the log for reading only"
    }
}

/// A position before the first record kept, or after the last one committed. Nothing was skipped.
public struct LogOutOfRange: DataLossError, CustomStringConvertible, Sendable {
    public let topic: String
    public let partition: Int32
    public let position: Int64
    public let start: Int64
    public let end: Int64

    public var description: String {
        let startOver =
            "start over with another --namespace (or --job-id): it begins empty, at the start the source names"
        let why =
            position < start
            ? "retention has removed the records before \(start), and nothing was skipped. They are lost: to go on without "
                + "them, \(startOver). Give the topic a longer retention for the next time"
            : "the log ends at \(end); it was reset, or this is another log than the one the checkpoint belongs to. Open the "
                + "log it belongs to, or \(startOver)"
        return "\(topic)/\(partition) has no record at offset \(position): \(why)"
    }
}

/// A record that the job's decoder refused and that no `onUndecodable` took.
public struct LogUndecodable: UnrestartableError, CustomStringConvertible {
    public let topic: String
    public let partition: Int32
    public let offset: Int64
    public let cause: any Error

    public init(topic: String, partition: Int32, offset: Int64, cause: any Error) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.cause = cause
    }

    public var description: String {
        "the record at \(topic)/\(partition) offset \(offset) does not decode: \(cause). "
            + "Give the source `onUndecodable` to route such records to a dead-letter topic"
    }
}

/// A call that cannot be served as it was made: what, and what to do.
public struct LogUsageError: Error, CustomStringConvertible, Sendable {
    public let description: String
    public init(_ description: String) { self.description = description }
}
