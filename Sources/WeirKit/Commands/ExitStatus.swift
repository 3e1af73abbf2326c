import StreamRuntime

/// What a Weir executable's process ends with; stable, and part of `--help`.
public enum ExitStatus: Int32, Sendable, CaseIterable {
    case success = 0
    /// The command was understood and did not succeed.
    case failure = 1
    /// Unknown command, flag, job or setting.
    case usage = 2
    /// Refused, at a start or by a job that runs, because going on could lose or double records; the message has the remedy.
    case refusedRecovery = 3
    /// A weir server, or the job it runs, cannot be reached or refuses who asks.
    case unreachable = 4
    /// --timeout is over; what was asked for may still happen.
    case timedOut = 5
    /// --wait: the job has failed.
    case jobFailed = 6
    /// What was asked cannot be told yet: the next run has to decide what the last one had begun.
    case undecided = 7
    /// Ended at once by a second Ctrl-C.
    case interrupted = 130

    static let helpText = """
        EXIT CODES
          0    done; also after Ctrl-C or SIGTERM, once the final checkpoint is taken
          1    failed
          2    wrong usage: unknown command, flag, job or setting
          3    recovery refused: going on could lose or double records
          4    the weir server cannot be reached, or wants another token
          5    --timeout is over; what was asked for may still happen
          6    the job that was waited for has failed
          7    it cannot be told yet: the next run has to decide what the last one had begun
          130  ended at once by a second Ctrl-C
        """
}

extension ExitStatus {
    /// What a command that throws `error` ends with; `nil` for errors of argument parsing and unknown ones.
    init?(_ error: any Error) {
        switch error {
        case is UsageError, is ConfigurationRefusal: self = .usage
        case is any DataLossError: self = .refusedRecovery
        case let failure as JobFailure: self = failure.cause is any DataLossError ? .refusedRecovery : .failure
        case let failure as CommandFailure: self = failure.status
        case is GraphError, is MetricsServerError, is JobLockError, is JobHostError: self = .failure
        default: return nil
        }
    }
}
