import Foundation
import Logging
import StreamRuntime
import WeirKit

/// Runs jobs as processes and keeps them running: the shell around `JobMachine`. It starts and watches processes, asks and
/// kills them, and writes down every change before it acts on it. What it knows of a process comes from the process itself:
/// its control file (also after this supervisor's own crash), its control API, and the system.
package actor Supervisor {
    package struct Options: Sendable {
        /// The registry, and `jobs/<id>/` with a job's control file and logs.
        package var folder: String
        /// How long a job that was asked to stop may work off what is in flight and take its last checkpoint.
        package var stopMillis: Int64 = 120_000
        /// What writing a savepoint may take (on top of that), unless whoever asks for it says otherwise.
        package var savepointMillis: Int64 = 300_000
        package var cancelMillis: Int64 = 10_000
        package var pollMillis: Int64 = 1000

        package init(folder: String) { self.folder = folder }
    }

    static let tickMillis = 100
    private static let silentMillis: Int64 = 5000
    static let operationsKept = 200
    /// What the end of a large process takes that was killed.
    static let killMillis: Int64 = 15_000
    /// An operation outlives what it waits for by this: its answer is on the way.
    static let graceMillis: Int64 = 30_000
    static let jobsMax = 1000
    static let registryFailure = "the server's registry cannot be written; its log says why"

    struct Entry {
        var view: JobView
        var machine: JobMachine
        var launchedAtMillis: Int64
        /// How to stop, once asked to.
        var stop = StopOrder()
        var isPolling = false
        var polledAtMillis: Int64 = 0
        var answeredAtMillis: Int64
        /// Whose snapshots the view has.
        var snapshotOf: ProcessIdentity?
    }

    struct StopOrder {
        var drain = false
        var savepoint: SavepointOrder?
        /// Who waits for it.
        var operation: String?
    }

    let options: Options
    let registry: JobRegistry
    let log: Logger
    let clock: any RuntimeClock
    var entries: [JobID: Entry] = [:]
    /// In the order of submission.
    var order: [JobID] = []
    var operations: [Operation] = []

    /// Takes over every job of the registry: those whose processes live are watched again, as if nothing had happened.
    package init(
        _ options: Options, registry: JobRegistry, log: Logger, clock: any RuntimeClock = SystemClock()
    ) throws {
        self.options = options
        self.registry = registry
        self.log = log
        self.clock = clock
        let now = clock.wallMillis()
        for stored in try registry.jobs() {
            let record = stored.record
            let machine = JobMachine(try record.submission.restartStrategy(), adopting: record.state, atMillis: now)
            entries[record.jobID] = Entry(
                view: JobView(record: record, snapshot: stored.snapshot), machine: machine,
                launchedAtMillis: record.startedAtMillis ?? now, answeredAtMillis: now)
            order.append(record.jobID)
            if let process = record.state.process {
                log.info("found again", metadata: ["job": "\(record.name)", "jobId": "\(record.jobID)", "pid": "\(process)"])
            }
        }
        for (id, process) in Self.strangers(options.folder, known: Set(order.map(\.rawValue))) {
            log.warning(
                "a job runs that the registry does not know; send its process a SIGTERM and submit it again",
                metadata: ["jobId": "\(id)", "pid": "\(process)"])
        }
    }

    /// Jobs that run, by what their folders say, without being known: the registry was lost, or moved away.
    private static func strangers(_ folder: String, known: Set<String>) -> [(id: String, process: ProcessIdentity)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/jobs")) ?? []
        return names.sorted().filter { !known.contains($0) }.compactMap { id in
            guard let file = ControlFile.read("\(folder)/jobs/\(id)/control.json"), file.end == nil, file.process.isAlive
            else { return nil }
            return (id, file.process)
        }
    }

    /// Until the task is cancelled; the jobs run on.
    package func run() async {
        while !Task.isCancelled {
            tick()
            try? await Task.sleep(for: .milliseconds(Self.tickMillis))
        }
    }

    // MARK: Looking

    func tick() {
        let now = clock.wallMillis()
        for id in order {
            guard let entry = entries[id] else { continue }
            if let process = entry.machine.state.process {
                if let exit = exit(of: process, id) {
                    apply(.exited(exit, livedMillis: max(0, now - entry.launchedAtMillis)), to: id)
                } else {
                    poll(id, process, now)
                }
            }
            apply(.tick, to: id)
        }
        for index in operations.indices {
            guard let entry = entries[operations[index].job] else { continue }
            operations[index].update(entry.machine.state, entry.view.snapshot, atMillis: now)
        }
    }

    /// `nil` while the process lives. What it wrote down itself says more than its exit code; what it did not write, it did
    /// not live to write.
    private func exit(of process: ProcessIdentity, _ id: JobID) -> JobMachine.Exit? {
        let reaped = ProcessLauncher.reap(process)
        guard reaped != nil || !process.isAlive else { return nil }
        guard let file = ControlFile.read(controlPath(id)), file.process == process, let end = file.end else {
            return reaped ?? .died(reason: "its process is gone")
        }
        let job = end.jobs.first { $0.report.id == id.rawValue }
        if let job {
            take(job, of: process, id)
            do { try registry.save(job, of: id) } catch { say(.error, "the registry cannot be written", id, "\(error)") }
        }
        return JobMachine.Exit(code: end.code, isCancelled: job?.report.status == "cancelled", reason: end.message)
    }

    private func poll(_ id: JobID, _ process: ProcessIdentity, _ now: Int64) {
        guard let entry = entries[id], !entry.isPolling,
            now - entry.polledAtMillis >= options.pollMillis || entry.machine.awaitsAnswer, let api = api(of: id)
        else { return }
        entries[id]?.isPolling = true
        entries[id]?.polledAtMillis = now
        Task {
            let snapshot = try? await api.snapshot()
            polled(id, process, snapshot)
        }
    }

    private func polled(_ id: JobID, _ process: ProcessIdentity, _ snapshot: JobSnapshot?) {
        entries[id]?.isPolling = false
        guard entries[id]?.machine.state.process == process else { return }
        let now = clock.wallMillis()
        guard let snapshot else {
            let answered = entries[id]?.answeredAtMillis ?? now
            entries[id]?.view.isSilent = now - answered > Self.silentMillis
            return
        }
        take(snapshot, of: process, id)
        entries[id]?.answeredAtMillis = now
        entries[id]?.view.isSilent = false
        apply(.answered, to: id)
    }

    private func take(_ snapshot: JobSnapshot, of process: ProcessIdentity, _ id: JobID) {
        let isSameProcess = entries[id]?.snapshotOf == process
        entries[id]?.view.take(snapshot, isSameProcess: isSameProcess)
        entries[id]?.snapshotOf = process
    }

    // MARK: Acting

    /// False when a change could not be written down.
    @discardableResult func apply(_ event: JobMachine.Event, to id: JobID) -> Bool {
        guard let before = entries[id]?.machine.state else { return false }
        let now = clock.wallMillis()
        let actions = entries[id]?.machine.handle(event, atMillis: now, unit: Double.random(in: 0..<1)) ?? []
        guard let state = entries[id]?.machine.state else { return false }
        var isSaved = true
        if state != before {
            entries[id]?.view.record.note(state, after: before, atMillis: now)
            let text = state.text
            isSaved = save(id, text)
            guard isSaved || actions != [.launch] else {
                // Rule R1: what is not written down is not started.
                apply(.launchFailed(reason: Self.registryFailure), to: id)
                return false
            }
            say(.info, text, id)
        }
        for action in actions { perform(action, id) }
        return isSaved
    }

    private func perform(_ action: JobMachine.Action, _ id: JobID) {
        switch action {
        case .launch: launch(id)
        case .kill(let process):
            say(.warning, "killing process \(process): it did not do in time what it was asked", id)
            ProcessLauncher.send(SIGKILL, to: process)
        case .ask(let process, let ending): ask(process, ending, id)
        }
    }

    /// A process that cannot be talked to is told by a signal: SIGTERM takes a last checkpoint, and SIGKILL is what a cancel
    /// comes to anyway. One that answers needs none, whatever it answers; and one that has left word of its end is gone.
    private func ask(_ process: ProcessIdentity, _ ending: JobMachine.Ending, _ id: JobID) {
        let signal = ending == .cancel ? SIGKILL : SIGTERM
        guard let api = api(of: id) else {
            if !hasLeftWord(process, id) { ProcessLauncher.send(signal, to: process) }
            return
        }
        let order = entries[id]?.stop ?? StopOrder()
        Task {
            do {
                if ending == .cancel { return try await api.cancel() }
                let path = try await api.stop(drain: order.drain, savepoint: order.savepoint)
                if let operation = order.operation { written(operation, path) }
            } catch {
                if let operation = order.operation, order.savepoint != nil { failed(operation, error) }
                guard JobAPI.isAnswer(error) else { return ProcessLauncher.send(signal, to: process) }
                // No savepoint; the job ends all the same. Mostly it does so already, and takes this for nothing new.
                if ending != .cancel { _ = try? await api.stop(drain: order.drain, savepoint: nil) }
            }
        }
    }

    func written(_ operation: String, _ path: String?, note: String? = nil) {
        guard let index = operations.firstIndex(where: { $0.id == operation }) else { return }
        operations[index].written = path
        operations[index].note = note
    }

    func failed(_ operation: String, _ error: any Error) {
        guard let index = operations.firstIndex(where: { $0.id == operation }) else { return }
        operations[index].fail("\(error)", (error as? ControlError)?.status == .gatewayTimeout ? .late : .failed)
    }

    /// A process that an earlier supervisor launched, which ended before it could write that down. Says whether there is one.
    @discardableResult func takeUpLaunched(_ id: JobID) -> Bool {
        switch entries[id]?.machine.state {
        case .launching, .waiting: break
        default: return false
        }
        guard let file = ControlFile.read(controlPath(id)), file.end == nil, file.process.isAlive else { return false }
        apply(.launched(file.process), to: id)
        return true
    }

    private func launch(_ id: JobID) {
        guard let record = entries[id]?.view.record else { return }
        if takeUpLaunched(id) { return }
        do {
            try FileManager.default.createDirectory(
                atPath: folder(id), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            unlink(controlPath(id))
            let launch = JobLaunch(record, folder: folder(id), surroundings: ProcessInfo.processInfo.environment)
            let gate = try LaunchGate()
            let process = try ProcessLauncher.launch(
                record.submission.executable, launch.arguments, environment: launch.environment,
                folder: record.submission.workingDirectory, outputPath: "\(folder(id))/job.log", input: gate.inside)
            let now = clock.wallMillis()
            entries[id]?.launchedAtMillis = now
            entries[id]?.answeredAtMillis = now
            entries[id]?.view.record.startedAtMillis = now
            entries[id]?.view.record.endedAtMillis = nil
            if apply(.launched(process), to: id) { gate.open() }
        } catch {
            apply(.launchFailed(reason: "\(error)"), to: id)
        }
    }

    @discardableResult private func save(_ id: JobID, _ event: String?) -> Bool {
        guard let record = entries[id]?.view.record else { return false }
        do {
            try registry.save(record, event: event)
            return true
        } catch {
            say(.error, "the registry cannot be written", id, "\(error)")
            return false
        }
    }

    // MARK: Pieces

    func entry(_ id: JobID) throws -> Entry {
        guard let entry = entries[id] else { throw ControlError(.notFound, "there is no job \(id)") }
        return entry
    }

    @discardableResult func live(_ id: JobID) throws -> Entry {
        let entry = try entry(id)
        guard !entry.machine.state.isEnded else {
            throw ControlError(.conflict, "job \(id) has ended already: \(entry.machine.state.text)")
        }
        return entry
    }

    func api(of id: JobID) -> JobAPI? {
        guard let entry = entries[id], let process = entry.machine.state.process,
            let file = ControlFile.read(controlPath(id)), file.process == process, file.end == nil
        else { return nil }
        return JobAPI(host: file.host, port: file.port, token: entry.view.record.controlToken, job: id)
    }

    /// It has ended in order, up to the last instructions of its process.
    private func hasLeftWord(_ process: ProcessIdentity, _ id: JobID) -> Bool {
        guard let file = ControlFile.read(controlPath(id)) else { return false }
        return file.process == process && file.end != nil
    }

    /// `trigger`: the id it gets, when whoever asked gave one.
    func begin(
        _ kind: Operation.Kind, of id: JobID, trigger: String? = nil, limitMillis: Int64 = Operation.limitMillis
    ) -> String {
        let operation = Operation(
            id: trigger ?? Self.makeToken(), job: id, kind: kind, begunAtMillis: clock.wallMillis(), limitMillis: limitMillis)
        operations.append(operation)
        if operations.count > Self.operationsKept { operations.removeFirst() }
        return operation.id
    }

    func folder(_ id: JobID) -> String { "\(options.folder)/jobs/\(id)" }
    private func controlPath(_ id: JobID) -> String { "\(folder(id))/control.json" }

    /// 128 random bits from the system, as 32 hex digits.
    static func makeToken() -> String { (0..<2).map { _ in hexDigits(.random(in: .min ... .max)) }.joined() }

    private func say(_ level: Logger.Level, _ text: String, _ id: JobID, _ error: String? = nil) {
        var metadata: Logger.Metadata = ["job": "\(entries[id]?.view.record.name ?? "")", "jobId": "\(id)"]
        if let error { metadata["error"] = "\(error)" }
        log.log(level: level, "\(text)", metadata: metadata)
    }
}
