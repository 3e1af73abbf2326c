import Foundation
import Synchronization

/// One thread that steps its tasks in turn: as long as any makes progress, then a short spin, then sleep.
final class Worker: @unchecked Sendable {  // its owner's until `start`, then the thread's; `stop` is the owner's
    private static let spinsBeforeSleep = 40

    let waker: Waker
    private var tasks: [StreamTask] = []
    private let clock: any RuntimeClock
    private let stopFlag = Atomic<Bool>(false)
    private let done = DispatchSemaphore(value: 0)
    private let name: String
    private var isStarted = false

    init(name: String, clock: any RuntimeClock) {
        self.name = name
        self.clock = clock
        waker = Waker()
    }

    func add(_ task: StreamTask) { tasks.append(task) }

    /// `failed` is told of the first step that throws; none is taken after it.
    func start(failed: @escaping @Sendable (AttemptFailure) -> Void) {
        isStarted = true
        let thread = Thread { [self] in
            run(failed)
            done.signal()
        }
        thread.name = name
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Ends the thread after the step in hand, and waits for it. Nothing to do for one that never started.
    func stop() {
        guard isStarted else { return }
        stopFlag.store(true, ordering: .relaxed)
        waker.wake()
        done.wait()
    }

    private func run(_ failed: (AttemptFailure) -> Void) {
        var idleRounds = 0
        while !stopFlag.load(ordering: .relaxed) {
            var progressed = false
            var deadline = Int64.max
            var blocked = false
            for task in tasks {
                do {
                    switch try task.step() {
                    case .progressed: progressed = true
                    case .idle(let until): deadline = min(deadline, until)
                    case .backPressured:
                        blocked = true
                    }
                } catch {
                    failed(task.failure(error))
                    return waitForStop()
                }
            }
            if progressed {
                idleRounds = 0
                continue
            }
            idleRounds += 1
            if idleRounds > Self.spinsBeforeSleep {
                sleep(until: blocked ? min(deadline, clock.monotonicNanos() + 1_000_000) : deadline, blocked: blocked)
            }
        }
    }

    private func sleep(until deadline: Int64, blocked: Bool) {
        let began = clock.monotonicNanos()
        let micros = min(max(0, deadline - began) / 1000, StreamTask.longestIdleNanos / 1000)
        guard micros > 0 else { return }
        waker.sleep(micros: micros) { tasks.contains { $0.hasWork } || stopFlag.load(ordering: .relaxed) }
        let slept = clock.monotonicNanos() - began
        for task in tasks {
            task.timing.slept(blocked ? .backPressured : .idle(untilNanos: 0), nanos: slept)
        }
    }

    private func waitForStop() {
        while !stopFlag.load(ordering: .relaxed) {
            waker.sleep(micros: 100_000) { stopFlag.load(ordering: .relaxed) }
        }
    }
}
