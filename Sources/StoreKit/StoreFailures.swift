import StreamRuntime

extension AsyncFailures {
    /// What a job does about the failures of a store: while it is in trouble or blocked the job asks again without limit and, from
    /// the third failure or the first time-out on, is shown as paused because of `name`; what repeating cannot mend fails the
    /// attempt.
    public static func store(_ name: String, _ backoff: Backoff = Backoff(initialMillis: 50, maxMillis: 5000)) -> Self {
        Self { error, attempt in .store(name, failed: error, attempt: attempt, backoff) }
    }
}

extension AsyncVerdict {
    /// The same for one failure. A call that was not answered in time has waited long enough to be told of at once.
    package static func store(_ name: String, failed error: any Error, attempt: Int, _ backoff: Backoff) -> AsyncVerdict {
        let delay = backoff.millis(attempt: attempt)
        guard let trouble = Trouble(error) else { return .fail }
        return trouble.isSilence || (trouble.pauses && attempt >= 3)
            ? .waitOut(reason: "\(name) \(trouble.words)", retryAfterMillis: delay) : .retry(afterMillis: delay)
    }
}

/// A failure that repeating may mend.
private struct Trouble {
    let pauses: Bool
    /// No answer in time.
    var isSilence = false
    /// Do not change from attempt to attempt: they name the pause.
    let words: String

    /// Nil for an error that repeating cannot mend.
    init?(_ error: any Error) {
        switch error {
        case StoreError.blocked(let reason):
            (pauses, words) = (true, "takes nothing: \(reason)")
        case StoreError.timeout, is AsyncTimeout:
            (pauses, isSilence, words) = (true, true, "does not answer")
        case let error as StoreError where error.isRetryable:
            (pauses, words) = (error.isOutage, "is \(error.kind)")
        default:
            return nil
        }
    }
}
