import Dispatch

/// Steps tasks on worker threads: subtask i of every chain on worker i mod n.
final class ThreadExecutor: TaskExecutor {
    private let workers: [Worker]
    private let snapshotThreads = DispatchQueue(label: "weir.snapshots", attributes: .concurrent)

    init(threads: Int, clock: any RuntimeClock) {
        workers = (0..<max(1, threads)).map { Worker(name: "weir-\($0)", clock: clock) }
    }

    private func worker(_ subtask: Int) -> Worker { workers[subtask % workers.count] }

    func waker(ofSubtask subtask: Int) -> Waker { worker(subtask).waker }

    func add(_ task: StreamTask, subtask: Int) { worker(subtask).add(task) }

    func start(failed: @escaping @Sendable (AttemptFailure) -> Void) {
        for worker in workers { worker.start(failed: failed) }
    }

    func write(_ body: @escaping @Sendable () -> Void) { snapshotThreads.async(execute: body) }

    func stop() {
        for worker in workers { worker.stop() }
        snapshotThreads.sync(flags: .barrier) {}  // no snapshot writes on after its attempt
    }
}
