import Foundation
import StreamRuntime

/// Runs a drill: starts the job's process, makes trouble as the schedule says, looks at what comes out, and judges it. The
/// process is gone when this has returned or thrown.
///
/// Owned by one task.
final class DrillRun {
    private let drill: any JobDrill
    private let options: DrillOptions
    private let launch: (_ start: Int, _ injects: Bool) throws -> ChildProcess
    private let log: (String) -> Void
    private let isInterrupted: () -> Bool
    private let began = ContinuousClock.now

    private var process: ChildProcess?
    private var starts = 0
    private var startedMillis = 0
    /// How many outputs were visible then.
    private var outputsAtStart = 0
    private(set) var timeline = DrillTimeline()
    private(set) var resources = ResourceSeries()
    private(set) var endedByItself = 0
    /// Faults inside the process are switched off for the end.
    private var injects: Bool
    /// When its disk was last full.
    private var diskFullMillis: Int?
    /// Since when an output is waited for.
    private var waitingSinceMillis = 0
    /// The process has been told to end.
    private var isStopping = false
    private let brokerLog: String

    /// - Parameters:
    ///   - launch: starts the process for the `start`-th time, with faults inside it or without.
    ///   - brokerLog: the file that gets what the broker's command prints.
    ///   - log: gets a line for each thing that happens.
    init(
        _ drill: any JobDrill, _ options: DrillOptions, brokerLog: String,
        launch: @escaping (_ start: Int, _ injects: Bool) throws -> ChildProcess,
        log: @escaping (String) -> Void, isInterrupted: @escaping () -> Bool
    ) {
        self.brokerLog = brokerLog
        self.drill = drill
        self.options = options
        self.launch = launch
        self.log = log
        self.isInterrupted = isInterrupted
        injects = options.inject != nil
    }

    /// Milliseconds since the drill began.
    var nowMillis: Int { Int((ContinuousClock.now - began) / .milliseconds(1)) }

    /// To the end; returns what was found. Throws `DrillFailure` when the job did not go on, `DrillInterrupted`.
    func run() async throws -> DrillFindings {
        defer { process?.kill() }
        try start()
        log("warming up until \(drill.warmUpOutputs) outputs are visible")
        while timeline.outputs < max(1, drill.warmUpOutputs) { try await look() }
        let troublesUntil = options.forMillis.map { nowMillis + $0 }
        let sparesFrom = options.spareAfterMillis.map { nowMillis + $0 } ?? .max
        for step in TroubleSchedule(options.plan, seed: options.seed) {
            let isOver = try await pass(step.afterMillis, until: troublesUntil)
            if isOver { break }
            if step.trouble.endsProcess, nowMillis >= sparesFrom { continue }
            try await make(step.trouble)
        }
        return try await end()
    }

    // MARK: Troubles

    private func make(_ trouble: Trouble) async throws {
        switch trouble {
        case .kill:
            let mark = timeline.begin(.kill, atMillis: nowMillis)
            process?.kill()
            try againAfterDeath(mark)
        case .standstill(let millis):
            let mark = timeline.begin(.standstill, atMillis: nowMillis)
            process?.send(SIGSTOP)
            try await rest(millis)
            process?.send(SIGCONT)
            over(mark)
        case .fullDisk(let millis): try await fillDisk(for: millis)
        case .restart:
            let mark = timeline.begin(.restart, atMillis: nowMillis)
            try await stop()
            try await checkAtRest()
            over(mark)
            try start()
        case .brokerRestart: try await restartBroker()
        }
        log("\(trouble.kind.rawValue), \(timeline.marks.count) in all")
    }

    private func fillDisk(for millis: Int) async throws {
        let mark = timeline.begin(.fullDisk, atMillis: nowMillis)
        guard let pid = process?.pid, pid > 0 else { return over(mark) }
        try ProcessReadings.setDiskFull(true, for: pid)
        diskFullMillis = nowMillis
        try await rest(millis)
        // It may have ended meanwhile, and another has come up with a disk of its own.
        if process?.pid == pid { try ProcessReadings.setDiskFull(false, for: pid) }
        diskFullMillis = nowMillis
        over(mark)
    }

    private func restartBroker() async throws {
        guard let command = options.brokerCommand else { return }
        let mark = timeline.begin(.brokerRestart, atMillis: nowMillis)
        if options.stopsForBroker { try await stop() }
        try await runShell(command)
        if options.stopsForBroker { try start() }
        over(mark)
    }

    private func runShell(_ command: String) async throws {
        let shell = try ChildProcess("/bin/sh", ["-c", command], log: brokerLog)
        let deadline = nowMillis + DrillOptions.brokerSecondsMax * 1000
        while true {
            if let code = shell.ended() {
                guard code == 0 else { throw DrillFailure("the broker's restart ended with \(code): \(shell.lastWords)") }
                return
            }
            guard nowMillis < deadline else {
                throw DrillFailure("the broker's restart took over \(DrillOptions.brokerSecondsMax) s: \(shell.lastWords)")
            }
            try await look(allowsSilence: true)
        }
    }

    /// The trouble is over: whatever becomes visible from here on is a recovery.
    private func over(_ mark: Int) {
        timeline.end(mark, atMillis: nowMillis)
        waitingSinceMillis = nowMillis
    }

    // MARK: The process

    private func start() throws {
        process = try launch(starts, injects)
        starts += 1
        startedMillis = nowMillis
        outputsAtStart = timeline.outputs
        waitingSinceMillis = nowMillis
    }

    /// The process is dead, by our hand or its own: what it had committed is looked at before the next one begins.
    private func againAfterDeath(_ mark: Int) throws {
        timeline.observe(outputs: try drill.settle(), atMillis: nowMillis)
        over(mark)
        try start()
    }

    /// The same without a trouble of ours.
    private func startAfterEnd() throws {
        timeline.observe(outputs: try drill.settle(), atMillis: nowMillis)
        try start()
    }

    /// SIGTERM, and waits for the orderly end. It is told only when it has come up and gone on, so that what is verified
    /// afterwards is not what a kill has left; one that a fault keeps from ending in order is started and told again.
    private func stop() async throws {
        repeat {
            if process == nil { try startAfterEnd() }
            while timeline.outputs == outputsAtStart { try await look() }
        } while try await !isOrderlyEnd()
    }

    /// Afterwards there is no process.
    private func isOrderlyEnd() async throws -> Bool {
        guard let process else { return true }
        isStopping = true
        defer {
            isStopping = false
            self.process = nil
        }
        process.send(SIGTERM)
        let deadline = nowMillis + DrillOptions.stopSecondsMax * 1000
        while true {
            if let code = process.ended() {
                if code == 0 { return true }
                if injects, code == -SIGKILL { return false }
                if hadFullDisk {
                    endedByItself += 1
                    return false
                }
                throw DrillFailure("the process ended with \(code) when it was stopped: \(process.lastWords)")
            }
            guard nowMillis < deadline else {
                throw DrillFailure(
                    "the process did not end within \(DrillOptions.stopSecondsMax) s of SIGTERM: \(process.lastWords)")
            }
            try await look()
        }
    }

    /// A process that ended although nobody killed it: started again when there is a reason, else the drill has failed.
    private func checkProcess() throws {
        guard let process, let code = process.ended() else { return }
        if injects, code == -SIGKILL {
            return try againAfterDeath(timeline.begin(.injected, atMillis: nowMillis))
        }
        guard hadFullDisk else { throw DrillFailure("the process ended by itself with \(code): \(process.lastWords)") }
        endedByItself += 1
        log("the process ended with \(code), because no file could be written; started again")
        try startAfterEnd()
    }

    /// Its disk was full a moment ago: it may have ended because of that.
    private var hadFullDisk: Bool { diskFullMillis.map { nowMillis - $0 < DrillOptions.graceMillis } ?? false }

    /// In the middle of a drill, after an orderly end: what has no result yet may get it in the next run, the rest must be right.
    private func checkAtRest() async throws {
        let findings = try await drill.judge()
        guard findings.duplicated == 0, findings.reordered == 0, findings.wrong == 0 else {
            throw DrillFailure("after an orderly restart: \(findings.summary): \(findings.details.joined(separator: "; "))")
        }
        log("at rest: \(findings.outputs) results of \(findings.inputs), \(findings.lost) still to come, the rest as it must be")
    }

    /// No more trouble: the job must go on, come to an orderly end, and have worked off everything. What it has not, because it
    /// was stopped while it was far behind, the next run must bring; what no run brings is lost.
    private func end() async throws -> DrillFindings {
        if injects {
            injects = false
            let mark = timeline.begin(.kill, atMillis: nowMillis, note: "faults inside switched off")
            process?.kill()
            try againAfterDeath(mark)
        }
        // The trouble before may be over for the process only now.
        let before = timeline.outputs
        while timeline.outputs == before { try await look() }
        var runsLeft = DrillOptions.lastRunsMax
        while true {
            log("stopping the load, then what works on it")
            try await stop()
            timeline.observe(outputs: try drill.settle(), atMillis: nowMillis)
            let findings = try await drill.judge()
            runsLeft -= 1
            if findings.lost == 0 || runsLeft == 0 { return findings }
            log("\(findings.lost) without a result: once more")
        }
    }

    // MARK: Looking

    /// True when `deadline` has come first.
    private func pass(_ millis: Int, until deadline: Int?) async throws -> Bool {
        let end = nowMillis + millis
        while nowMillis < end {
            if let deadline, nowMillis >= deadline { return true }
            try await look()
        }
        return false
    }

    /// Waits in the middle of a trouble.
    private func rest(_ millis: Int) async throws {
        let end = nowMillis + millis
        while nowMillis < end { try await look(allowsSilence: true) }
    }

    private func look(allowsSilence: Bool = false) async throws {
        if isInterrupted() { throw DrillInterrupted() }
        if !isStopping { try checkProcess() }
        timeline.observe(outputs: try drill.observe(), atMillis: nowMillis)
        let silentSince = max(timeline.lastOutputMillis, waitingSinceMillis)
        if !allowsSilence, !isStopping, nowMillis - silentSince > DrillOptions.patienceMillis {
            throw DrillFailure(
                "no output for \(DrillOptions.patienceMillis / 1000) s: \(process?.lastWords ?? "no process")")
        }
        if resources.isDue(atMillis: nowMillis), let pid = process?.pid, let found = ProcessReadings.resources(of: pid) {
            resources.add(
                ResourceReading(
                    atMillis: nowMillis, life: starts - 1, ageMillis: nowMillis - startedMillis,
                    residentBytes: found.residentBytes, openFiles: found.openFiles))
        }
        try await Task.sleep(for: .milliseconds(DrillOptions.lookMillis))
    }
}

/// The job did not do what it has to.
struct DrillFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Ctrl-C.
struct DrillInterrupted: Error {}
