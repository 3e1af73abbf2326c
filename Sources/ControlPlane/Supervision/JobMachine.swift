import StreamRuntime
import WeirKit

/// What becomes of one supervised job: which process it has, and what follows when that ends. Pure: it is told what
/// happened and when, and says what to do; a shell does it.
///
/// M1. At most one process: `launch` is only asked for in states that have none.
/// M2. A process that ended in order decides the job's fate; one that died is started again, by the restart strategy.
/// M3. Who was asked to end, and does not in time, is killed: that is always safe, its last checkpoint holds.
/// M4. What is asked for last counts: a stop overtakes a relaunch, a cancel overtakes both. What cannot overtake (anything
///     after a cancel, a relaunch after a stop) is refused by whoever asks.
/// M5. A process is asked to stop once it can hear it: a signal to one that is still starting would kill it.
/// M6. A launch that fails ends the job where somebody waits for it (a submission, a rescale); a job that ran before and died
///     is tried again, by the restart strategy: what keeps it from being launched may pass (a deployment, a full disk).
package struct JobMachine: Sendable {
    package enum State: Sendable, Equatable, Codable {
        /// A process was asked for; who is told of none (because the supervisor ended right then) looks before asking again:
        /// it began only if it was let go (`LaunchGate`), or is of an executable that waits for nobody.
        case launching
        /// There is a process that has not answered yet.
        case starting(ProcessIdentity)
        case running(ProcessIdentity)
        case ending(ProcessIdentity, Ending, killAtMillis: Int64)
        /// For the next launch.
        case waiting(untilMillis: Int64, reason: String)
        case ended(Outcome)

        package var process: ProcessIdentity? {
            switch self {
            case .starting(let process), .running(let process), .ending(let process, _, _): process
            case .launching, .waiting, .ended: nil
            }
        }
        package var isEnded: Bool { if case .ended = self { true } else { false } }
        /// Why the process was asked to end, if it was.
        package var ending: Ending? { if case .ending(_, let ending, _) = self { ending } else { nil } }
    }

    /// Why a process was asked to end.
    package enum Ending: String, Sendable, Codable {
        case stop, cancel
        /// To be launched again, with other settings.
        case relaunch
    }

    package enum Outcome: Sendable, Equatable, Codable {
        case finished, cancelled
        case failed(reason: String)
    }

    /// How a process ended.
    package enum Exit: Sendable, Equatable {
        case finished, cancelled
        /// In order, after it had tried all it may try itself.
        case failed(reason: String)
        case died(reason: String)
        /// By SIGTERM, before it could listen for that.
        case terminated

        /// `reason`: what the process said last. Exit codes are those of `ExitStatus`.
        package init(code: Int32, isCancelled: Bool = false, reason: String? = nil) {
            switch ExitStatus(rawValue: code) {
            case .success?: self = isCancelled ? .cancelled : .finished
            case .failure?, .usage?, .refusedRecovery?:
                self = .failed(reason: reason ?? "its process ended with code \(code); its log says why")
            default: self = .died(reason: "its process ended with code \(code)")
            }
        }

        package var reason: String {
            switch self {
            case .finished: "its process ended"
            case .cancelled: "it was cancelled"
            case .failed(let reason), .died(let reason): reason
            case .terminated: "its process was ended by a SIGTERM"
            }
        }
    }

    package enum Event: Sendable, Equatable {
        /// Submitted, or wanted again.
        case startAsked
        case launched(ProcessIdentity)
        case launchFailed(reason: String)
        /// The process serves its API.
        case answered
        /// `livedMillis`: since it was launched.
        case exited(Exit, livedMillis: Int64)
        case endAsked(Ending, patienceMillis: Int64)
        case tick
    }

    package enum Action: Sendable, Equatable {
        case launch
        /// Ask the process to end so; it does by itself.
        case ask(ProcessIdentity, Ending)
        case kill(ProcessIdentity)
    }

    /// A process that serves nothing for so long does not work.
    package static let startMillisMax: Int64 = 120_000
    /// What a supervisor waits for a process that its forerunner may have launched, before it launches one.
    package static let adoptionMillis: Int64 = 5_000

    package private(set) var state: State
    private var decider: RestartDecider
    private var startDeadlineMillis = Int64.max
    /// The launch that is asked for is one of a process that died.
    private var isRestart = false
    /// The process was told nothing yet: it is when it answers.
    private var isAskDue = false

    /// The process has not been heard of yet, and something depends on it.
    package var awaitsAnswer: Bool { if case .starting = state { true } else { isAskDue } }

    /// A new job; `startAsked` comes next.
    package init(_ strategy: RestartStrategy) {
        state = .ended(.cancelled)
        decider = RestartDecider(strategy)
    }

    /// A job as an earlier supervisor left it.
    package init(_ strategy: RestartStrategy, adopting state: State, atMillis now: Int64) {
        decider = RestartDecider(strategy)
        switch state {
        case .launching:
            self.state = .waiting(untilMillis: now + Self.adoptionMillis, reason: "the supervisor ended while it was launched")
        case .starting:
            self.state = state
            startDeadlineMillis = now + Self.startMillisMax
        default: self.state = state
        }
    }

    /// `unit` is a random number in 0..<1. What does not fit the state is nothing to do: events may cross.
    package mutating func handle(_ event: Event, atMillis now: Int64, unit: Double = 0.5) -> [Action] {
        switch (event, state) {
        case (.startAsked, .ended):
            return launch(isRestart: false)
        case (.launched(let process), .launching), (.launched(let process), .waiting):
            state = .starting(process)
            startDeadlineMillis = now + Self.startMillisMax
            isAskDue = false
            return []
        case (.launchFailed(let reason), .launching):
            if isRestart { restart(reason, livedMillis: 0, now, unit) } else { state = .ended(.failed(reason: reason)) }
            return []
        case (.answered, .starting(let process)):
            state = .running(process)
            return []
        case (.answered, .ending(let process, let ending, _)) where isAskDue:
            isAskDue = false
            return [.ask(process, ending)]
        case (.exited(let exit, let lived), _) where state.process != nil:
            return exited(exit, lived, now, unit)
        case (.endAsked(let ending, let patience), _):
            return endAsked(ending, patience, now)
        case (.tick, _):
            return tick(now)
        default:
            return []
        }
    }

    private mutating func launch(isRestart: Bool) -> [Action] {
        self.isRestart = isRestart
        state = .launching
        return [.launch]
    }

    private mutating func exited(_ exit: Exit, _ livedMillis: Int64, _ now: Int64, _ unit: Double) -> [Action] {
        isAskDue = false
        if let ending = state.ending { return ended(ending, exit) }
        switch exit {
        case .finished: state = .ended(.finished)
        case .cancelled: state = .ended(.cancelled)
        case .failed(let reason): state = .ended(.failed(reason: reason))
        case .died, .terminated: restart(exit.reason, livedMillis: livedMillis, now, unit)
        }
        return []
    }

    /// As often as the strategy allows.
    private mutating func restart(_ reason: String, livedMillis: Int64, _ now: Int64, _ unit: Double) {
        switch decider.failed(atMillis: now, livedMillis: livedMillis, unit: unit) {
        case .restart(let delay): state = .waiting(untilMillis: now + Int64(delay), reason: reason)
        case .giveUp(let why): state = .ended(.failed(reason: "\(reason) (\(why))"))
        }
    }

    private mutating func ended(_ ending: Ending, _ exit: Exit) -> [Action] {
        switch (ending, exit) {
        case (.cancel, _): state = .ended(.cancelled)
        case (.relaunch, .failed(let reason)): state = .ended(.failed(reason: reason))
        case (.relaunch, _): return launch(isRestart: false)
        case (.stop, .finished): state = .ended(.finished)
        case (.stop, .cancelled), (.stop, .terminated): state = .ended(.cancelled)
        case (.stop, .failed(let reason)), (.stop, .died(let reason)):
            state = .ended(.failed(reason: "while it was stopped: \(reason)"))
        }
        return []
    }

    private mutating func endAsked(_ ending: Ending, _ patienceMillis: Int64, _ now: Int64) -> [Action] {
        switch state {
        case .starting(let process) where ending != .cancel:
            state = .ending(process, ending, killAtMillis: now + patienceMillis)
            isAskDue = true
            return []
        case .starting(let process), .running(let process):
            state = .ending(process, ending, killAtMillis: now + patienceMillis)
            return [.ask(process, ending)]
        case .ending(let process, let before, _) where ending == .cancel && before != .cancel:
            state = .ending(process, .cancel, killAtMillis: now + patienceMillis)
            isAskDue = false
            return [.ask(process, .cancel)]
        case .ending(let process, .relaunch, _) where ending == .stop:
            // The process was asked for the same, or will be: only what follows is another.
            state = .ending(process, .stop, killAtMillis: now + patienceMillis)
            return []
        case .launching, .waiting:
            if ending == .relaunch { return launch(isRestart: true) }
            state = .ended(.cancelled)
            return []
        case .ending, .ended:
            return []
        }
    }

    private mutating func tick(_ now: Int64) -> [Action] {
        switch state {
        case .waiting(let until, _) where now >= until: return launch(isRestart: true)
        case .starting(let process) where now >= startDeadlineMillis:
            startDeadlineMillis = now + Self.startMillisMax  // asked again, should it not help
            return [.kill(process)]
        case .ending(let process, let ending, let killAt) where now >= killAt:
            state = .ending(process, ending, killAtMillis: now + 10_000)
            return [.kill(process)]
        default: return []
        }
    }
}
