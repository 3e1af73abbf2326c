/// Who gives the tasks of an attempt their turns: threads in a running job, the caller in a stepped one. Everything
/// else about an attempt is the same under both. Used on the coordinator's thread.
protocol TaskExecutor: AnyObject {
    /// What wakes the thread that steps the tasks with this number.
    func waker(ofSubtask subtask: Int) -> Waker

    /// Before `start`.
    func add(_ task: StreamTask, subtask: Int)

    /// Tasks are stepped from now on. `failed` is told of the first step that throws, from any thread.
    func start(failed: @escaping @Sendable (AttemptFailure) -> Void)

    /// Runs `body`, which writes a snapshot, beside the stream.
    func write(_ body: @escaping @Sendable () -> Void)

    /// When this returns, no task is stepped and no snapshot is written any more.
    func stop()
}
