import ControlPlane
import StreamRuntime
import Testing
import WeirKit

@Suite struct JobMachineTests {
    typealias State = JobMachine.State
    typealias Event = JobMachine.Event

    private let process: ProcessIdentity
    /// Another one, whatever it is.
    private let other: ProcessIdentity

    init() throws {
        process = try #require(ProcessIdentity.current)
        other = try #require(ProcessIdentity(pid: 1))
    }

    private func machine(_ state: State, _ strategy: RestartStrategy = .fixedDelay(attempts: 2, delayMillis: 10)) -> JobMachine {
        JobMachine(strategy, adopting: state, atMillis: 0)
    }

    private var states: [State] {
        [
            .starting(process), .running(process), .ending(process, .stop, killAtMillis: 100),
            .ending(process, .cancel, killAtMillis: 100), .ending(process, .relaunch, killAtMillis: 100),
            .waiting(untilMillis: 50, reason: "died"), .ended(.finished), .ended(.cancelled), .ended(.failed(reason: "bad")),
        ]
    }

    private var events: [Event] {
        [
            .startAsked, .launched(other), .launchFailed(reason: "no file"), .answered, .tick,
            .exited(.finished, livedMillis: 5), .exited(.cancelled, livedMillis: 5),
            .exited(.failed(reason: "bad"), livedMillis: 5), .exited(.died(reason: "signal 9"), livedMillis: 5),
            .exited(.terminated, livedMillis: 5),
            .endAsked(.stop, patienceMillis: 70), .endAsked(.cancel, patienceMillis: 70),
            .endAsked(.relaunch, patienceMillis: 70),
        ]
    }

    /// M1 over every state and event, early and late: a process is asked for only where there is none, asking and killing
    /// only concern the process there is, and a state that asks for a launch waits for its result.
    @Test func everyEventInEveryStateKeepsOneProcessAtMost() {
        for state in states {
            for event in events {
                for now: Int64 in [1, 1_000_000] {
                    var machine = machine(state)
                    let hadProcess = if case .exited = event { false } else { machine.state.process != nil }
                    let actions = machine.handle(event, atMillis: now)
                    #expect(actions.count <= 1, "\(state) \(event)")
                    switch actions.first {
                    case .launch?:
                        #expect(!hadProcess, "\(state) \(event)")
                        #expect(machine.state == .launching)
                    case .ask(let asked, _)?, .kill(let asked)?:
                        #expect(asked == process && machine.state.process == process, "\(state) \(event)")
                    case nil:
                        #expect(machine.state != .launching, "\(state) \(event)")
                    }
                }
            }
        }
    }

    /// What an ended job does: nothing, until it is wanted again.
    @Test func anEndedJobStaysSoUntilItIsStarted() {
        for state in states where state.isEnded {
            for event in events where event != .startAsked {
                var machine = machine(state)
                #expect(machine.handle(event, atMillis: 1_000_000).isEmpty)
                #expect(machine.state == state, "\(event)")
            }
            var started = machine(state)
            #expect(started.handle(.startAsked, atMillis: 1) == [.launch])
        }
    }

    @Test func aJobIsLaunchedAnswersAndFinishes() {
        var machine = JobMachine(.none)
        #expect(machine.handle(.startAsked, atMillis: 0) == [.launch])
        #expect(machine.handle(.launched(process), atMillis: 1).isEmpty)
        #expect(machine.state == .starting(process))
        #expect(machine.handle(.answered, atMillis: 2).isEmpty)
        #expect(machine.state == .running(process))
        #expect(machine.handle(.exited(.finished, livedMillis: 9), atMillis: 3).isEmpty)
        #expect(machine.state == .ended(.finished))
    }

    @Test func aLaunchThatFailsEndsTheJob() {
        var machine = JobMachine(.exponential())
        _ = machine.handle(.startAsked, atMillis: 0)
        #expect(machine.handle(.launchFailed(reason: "no such file"), atMillis: 1).isEmpty)
        #expect(machine.state == .ended(.failed(reason: "no such file")))
    }

    /// M6: what keeps a job that ran from being launched may pass.
    @Test func aRestartThatCannotBeLaunchedIsTriedAgainUntilTheStrategyGivesUp() {
        var machine = machine(.running(process))
        _ = machine.handle(.exited(.died(reason: "signal 9"), livedMillis: 5), atMillis: 0)
        #expect(machine.handle(.tick, atMillis: 10) == [.launch])
        #expect(machine.handle(.launchFailed(reason: "no such file"), atMillis: 11).isEmpty)
        #expect(machine.state == .waiting(untilMillis: 21, reason: "no such file"))
        #expect(machine.handle(.tick, atMillis: 21) == [.launch])
        _ = machine.handle(.launchFailed(reason: "no such file"), atMillis: 22)
        #expect(machine.state == .ended(.failed(reason: "no such file (all 2 restarts are used up)")))
    }

    @Test func aRescaleThatCannotBeLaunchedEndsTheJob() {
        var machine = machine(.ending(process, .relaunch, killAtMillis: 100))
        #expect(machine.handle(.exited(.finished, livedMillis: 5), atMillis: 1) == [.launch])
        _ = machine.handle(.launchFailed(reason: "no such file"), atMillis: 2)
        #expect(machine.state == .ended(.failed(reason: "no such file")))
    }

    @Test func aProcessThatDiedIsStartedAgainUntilTheStrategyGivesUp() {
        var machine = machine(.running(process))
        for attempt in 1...2 {
            let now = Int64(attempt * 1000)
            #expect(machine.handle(.exited(.died(reason: "signal 9"), livedMillis: 5), atMillis: now).isEmpty)
            #expect(machine.state == .waiting(untilMillis: now + 10, reason: "signal 9"))
            #expect(machine.handle(.tick, atMillis: now + 9).isEmpty)
            #expect(machine.handle(.tick, atMillis: now + 10) == [.launch])
            _ = machine.handle(.launched(other), atMillis: now + 11)
            _ = machine.handle(.answered, atMillis: now + 12)
            #expect(machine.state == .running(other))
        }
        _ = machine.handle(.exited(.died(reason: "signal 9"), livedMillis: 5), atMillis: 9000)
        #expect(machine.state == .ended(.failed(reason: "signal 9 (all 2 restarts are used up)")))
    }

    @Test func backOffGrowsAndIsSpreadByJitter() {
        let strategy = RestartStrategy.exponential(initialMillis: 100, maxMillis: 300, jitter: 0.1, resetAfterMillis: 1000)
        var delays: [Int64] = []
        for unit in [0.0, 0.999_999] {
            var machine = machine(.running(process), strategy)
            for _ in 0..<3 {
                _ = machine.handle(.exited(.died(reason: "x"), livedMillis: 1), atMillis: 0, unit: unit)
                if case .waiting(let until, _) = machine.state { delays.append(until) }
                _ = machine.handle(.tick, atMillis: 10_000)
                _ = machine.handle(.launched(process), atMillis: 0)
            }
        }
        #expect(delays == [90, 180, 270, 109, 219, 329])
    }

    @Test func anOrderlyEndIsNeverRestarted() {
        let ends: [(JobMachine.Exit, JobMachine.Outcome)] = [
            (.finished, .finished), (.cancelled, .cancelled), (.failed(reason: "bad"), .failed(reason: "bad")),
        ]
        for (exit, outcome) in ends {
            for state in [State.starting(process), .running(process)] {
                var machine = machine(state)
                #expect(machine.handle(.exited(exit, livedMillis: 5), atMillis: 1).isEmpty)
                #expect(machine.state == .ended(outcome))
            }
        }
    }

    @Test func whoDoesNotEndInTimeIsKilledAgainAndAgain() {
        var machine = machine(.running(process))
        #expect(machine.handle(.endAsked(.stop, patienceMillis: 70), atMillis: 100) == [.ask(process, .stop)])
        #expect(machine.handle(.tick, atMillis: 169).isEmpty)
        #expect(machine.handle(.tick, atMillis: 170) == [.kill(process)])
        #expect(machine.handle(.tick, atMillis: 171).isEmpty)
        #expect(machine.handle(.tick, atMillis: 10_170) == [.kill(process)])
        _ = machine.handle(.exited(.died(reason: "signal 9"), livedMillis: 5), atMillis: 10_171)
        #expect(machine.state == .ended(.failed(reason: "while it was stopped: signal 9")))
    }

    @Test func aCancelOvertakesAStopAndNothingOvertakesACancel() {
        var machine = machine(.running(process))
        _ = machine.handle(.endAsked(.stop, patienceMillis: 70), atMillis: 0)
        #expect(machine.handle(.endAsked(.relaunch, patienceMillis: 1), atMillis: 1).isEmpty)
        #expect(machine.handle(.endAsked(.cancel, patienceMillis: 20), atMillis: 2) == [.ask(process, .cancel)])
        #expect(machine.handle(.endAsked(.cancel, patienceMillis: 900), atMillis: 3).isEmpty)
        #expect(machine.handle(.endAsked(.stop, patienceMillis: 900), atMillis: 4).isEmpty)
        #expect(machine.state == .ending(process, .cancel, killAtMillis: 22))
        for exit in [JobMachine.Exit.finished, .cancelled, .failed(reason: "x"), .died(reason: "x")] {
            var ending = machine
            #expect(ending.handle(.exited(exit, livedMillis: 5), atMillis: 9).isEmpty)
            #expect(ending.state == .ended(.cancelled))
        }
    }

    @Test func aRelaunchFollowsTheEndOfTheProcessUnlessItFailedForGood() {
        for exit in [JobMachine.Exit.finished, .cancelled, .died(reason: "x")] {
            var machine = machine(.running(process))
            #expect(machine.handle(.endAsked(.relaunch, patienceMillis: 70), atMillis: 0) == [.ask(process, .relaunch)])
            #expect(machine.handle(.exited(exit, livedMillis: 5), atMillis: 1) == [.launch])
        }
        var failing = machine(.running(process))
        _ = failing.handle(.endAsked(.relaunch, patienceMillis: 70), atMillis: 0)
        #expect(failing.handle(.exited(.failed(reason: "bad"), livedMillis: 5), atMillis: 1).isEmpty)
        #expect(failing.state == .ended(.failed(reason: "bad")))
    }

    /// The process was asked to stop already: only what follows is another.
    @Test func aStopOvertakesARelaunch() {
        for asked: [Event] in [[.endAsked(.relaunch, patienceMillis: 70)], [.endAsked(.relaunch, patienceMillis: 5), .tick]] {
            var machine = machine(.running(process))
            for event in asked { _ = machine.handle(event, atMillis: 0) }
            #expect(machine.handle(.endAsked(.stop, patienceMillis: 30), atMillis: 2).isEmpty)
            #expect(machine.state == .ending(process, .stop, killAtMillis: 32))
            #expect(machine.handle(.exited(.finished, livedMillis: 5), atMillis: 9).isEmpty)
            #expect(machine.state == .ended(.finished))
        }
    }

    /// A signal, or a request that nobody hears, would end a process that has no handlers yet.
    @Test func aProcessThatIsStillStartingIsAskedToStopOnceItAnswers() {
        for ending in [JobMachine.Ending.stop, .relaunch] {
            var machine = machine(.starting(process))
            #expect(machine.handle(.endAsked(ending, patienceMillis: 70), atMillis: 0).isEmpty)
            #expect(machine.state == .ending(process, ending, killAtMillis: 70) && machine.awaitsAnswer)
            #expect(machine.handle(.answered, atMillis: 5) == [.ask(process, ending)])
            #expect(machine.handle(.answered, atMillis: 6).isEmpty && !machine.awaitsAnswer)
        }
        // A cancel needs no answer: it is as good as a kill.
        var cancelled = machine(.starting(process))
        #expect(cancelled.handle(.endAsked(.cancel, patienceMillis: 70), atMillis: 0) == [.ask(process, .cancel)])
        // The next process has been asked nothing.
        var relaunched = machine(.starting(process))
        _ = relaunched.handle(.endAsked(.relaunch, patienceMillis: 70), atMillis: 0)
        #expect(relaunched.handle(.exited(.finished, livedMillis: 5), atMillis: 1) == [.launch])
        _ = relaunched.handle(.launched(other), atMillis: 2)
        #expect(relaunched.handle(.answered, atMillis: 3).isEmpty)
        #expect(relaunched.state == .running(other))
    }

    @Test func whoWasAskedToStopAndEndsByTheSignalForThatHasNotFailed() {
        var stopped = machine(.running(process))
        _ = stopped.handle(.endAsked(.stop, patienceMillis: 70), atMillis: 0)
        #expect(stopped.handle(.exited(.terminated, livedMillis: 5), atMillis: 1).isEmpty)
        #expect(stopped.state == .ended(.cancelled))
        // Nobody asked this one.
        var running = machine(.running(process))
        _ = running.handle(.exited(.terminated, livedMillis: 5), atMillis: 1)
        #expect(running.state == .waiting(untilMillis: 11, reason: "its process was ended by a SIGTERM"))
    }

    @Test func aWaitingJobThatIsNotWantedAnyMoreEnds() {
        for ending in [JobMachine.Ending.stop, .cancel] {
            var machine = machine(.waiting(untilMillis: 50, reason: "died"))
            #expect(machine.handle(.endAsked(ending, patienceMillis: 70), atMillis: 0).isEmpty)
            #expect(machine.state == .ended(.cancelled))
        }
        var relaunched = machine(.waiting(untilMillis: 50, reason: "died"))
        #expect(relaunched.handle(.endAsked(.relaunch, patienceMillis: 70), atMillis: 0) == [.launch])
    }

    @Test func aProcessThatNeverAnswersIsKilledAndCountsAsDead() {
        var machine = JobMachine(.fixedDelay(attempts: 1, delayMillis: 10))
        _ = machine.handle(.startAsked, atMillis: 0)
        _ = machine.handle(.launched(process), atMillis: 0)
        #expect(machine.handle(.tick, atMillis: JobMachine.startMillisMax - 1).isEmpty)
        #expect(machine.handle(.tick, atMillis: JobMachine.startMillisMax) == [.kill(process)])
        _ = machine.handle(.exited(.died(reason: "signal 9"), livedMillis: 5), atMillis: 200_000)
        #expect(machine.state == .waiting(untilMillis: 200_010, reason: "signal 9"))
    }

    /// A supervisor that ended between asking for a process and hearing of it.
    @Test func anAdoptedLaunchWaitsForAProcessThatMayBeThere() {
        var machine = machine(.launching)
        #expect(machine.handle(.tick, atMillis: JobMachine.adoptionMillis - 1).isEmpty)
        #expect(machine.handle(.tick, atMillis: JobMachine.adoptionMillis) == [.launch])
        #expect(machine.handle(.launched(process), atMillis: 9000).isEmpty)
        #expect(machine.state == .starting(process))
    }

    @Test func exitCodesSayWhetherAProcessEndedInOrder() {
        #expect(JobMachine.Exit(code: 0) == .finished)
        #expect(JobMachine.Exit(code: 0, isCancelled: true) == .cancelled)
        for code: Int32 in [1, 2, 3] { #expect(JobMachine.Exit(code: code, reason: "why") == .failed(reason: "why")) }
        for code: Int32 in [130, 134, 139, 255] {
            guard case .died = JobMachine.Exit(code: code) else {
                Issue.record("code \(code) is no orderly end")
                continue
            }
        }
    }
}
