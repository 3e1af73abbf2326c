import Foundation
import StreamRuntime
import WeirKit

/// What can be asked of a supervisor. Throws `ControlError`.
extension Supervisor {
    package var jobs: [JobView] { order.compactMap { entries[$0]?.view } }

    package func job(_ id: JobID) throws -> JobView { try entry(id).view }

    /// The processes that serve metrics now.
    var scrapeTargets: [ScrapeTargets.Target] {
        order.compactMap { id in
            guard let api = api(of: id), let name = entries[id]?.view.record.name else { return nil }
            return ScrapeTargets.Target(job: name, id: id.rawValue, host: api.host, port: api.port)
        }
    }

    /// Starts a job. Throws `ControlError`: refused when it runs already, or cannot be started; then nothing of it is listed.
    package func submit(_ submission: Submission) throws -> JobID {
        try submission.check()
        let id = try submission.jobID()
        let strategy = try submission.restartStrategy()
        let now = clock.wallMillis()
        let known = entries[id]
        let orderBefore = order
        let hadFolder = FileManager.default.fileExists(atPath: folder(id))
        if let known, !known.machine.state.isEnded {
            throw ControlError(
                .conflict,
                "job '\(submission.name)' (\(id)) runs already; stop or cancel it first, or give this one another --namespace")
        }
        guard known != nil || order.count < Self.jobsMax else {
            throw ControlError(.tooManyRequests, "the server knows \(Self.jobsMax) jobs already; forget ended ones first")
        }
        do { try registry.forgetSnapshot(of: id) } catch {
            throw ControlError(.internalServerError, "the registry cannot be written: \(error)")
        }
        let record = JobRecord(
            id: id, submission: submission, state: .ended(.cancelled), createdAtMillis: now, controlToken: Self.makeToken())
        entries[id] = Entry(
            view: JobView(record: record), machine: JobMachine(strategy), launchedAtMillis: now, answeredAtMillis: now)
        order.removeAll { $0 == id }
        order.append(id)
        apply(.startAsked, to: id)
        if case .ended(.failed(let reason))? = entries[id]?.machine.state {
            order = orderBefore
            putBack(known, for: id)
            if !hadFolder { try? FileManager.default.removeItem(atPath: folder(id)) }
            throw ControlError(reason == Self.registryFailure ? .internalServerError : .badRequest, reason)
        }
        return id
    }

    /// What was known of a job, or nothing, in place of a submission that came to nothing.
    private func putBack(_ known: Entry?, for id: JobID) {
        entries[id] = known
        do {
            if let known {
                try registry.save(known.view.record)
                if let snapshot = known.view.snapshot { try registry.save(snapshot, of: id) }
            } else {
                try registry.remove(id)
            }
        } catch {
            log.error("the registry cannot be written", metadata: ["jobId": "\(id)", "error": "\(error)"])
        }
    }

    /// Ends the job without a further checkpoint. Nothing to do for one that was cancelled before; one that ended otherwise
    /// is a conflict, as it is to Flink.
    package func cancel(_ id: JobID) throws {
        if case .ended(.cancelled) = try entry(id).machine.state { return }
        try live(id)
        takeUpLaunched(id)
        apply(.endAsked(.cancel, patienceMillis: options.cancelMillis), to: id)
    }

    /// Ends the job with a last checkpoint; `drain`: its sources stop and what is in flight is worked off first. With an
    /// order for one, a savepoint of the end is written; that needs a job that runs.
    package func stop(
        _ id: JobID, drain: Bool, savepoint: SavepointOrder? = nil, trigger: String? = nil
    ) throws -> String {
        if let known = try repeated(trigger, of: id, under: "savepoints") { return known }
        try live(id)
        takeUpLaunched(id)
        let state = try entry(id).machine.state
        if savepoint != nil {
            guard case .running = state else { throw ControlError(.conflict, "the job does not run just now") }
        }
        let patience = options.stopMillis + (savepoint?.timeoutMillis ?? 0)
        let operation = begin(
            .stop(savepoint: savepoint != nil), of: id, trigger: trigger,
            limitMillis: max(Operation.limitMillis, patience + Self.graceMillis))
        entries[id]?.stop = StopOrder(drain: drain, savepoint: savepoint, operation: operation)
        apply(.endAsked(.stop, patienceMillis: patience), to: id)
        return operation
    }

    /// What the job's process logs now.
    package func logLevels(_ id: JobID) async throws -> LogLevels.Reading { try await running(id).logLevels() }

    /// Changes what the job's process logs, until that process ends.
    package func setLogLevels(_ id: JobID, _ levels: [String: String]) async throws -> LogLevels.Reading {
        // Looked at here, where a refusal can say that the request is wrong.
        do { try LogLevels().change(levels) } catch { throw ControlError(.badRequest, "\(error)") }
        return try await running(id).setLogLevels(levels)
    }

    private func running(_ id: JobID) throws -> JobAPI {
        try live(id)
        guard let api = api(of: id) else { throw ControlError(.conflict, "the job does not run just now") }
        return api
    }

    package func checkpoint(_ id: JobID, trigger: String? = nil) async throws -> String {
        if let known = try repeated(trigger, of: id, under: "checkpoints") { return known }
        let api = try running(id)
        let operation = begin(.checkpoint(fromMillis: clock.wallMillis()), of: id, trigger: trigger)
        do { try await api.checkpoint() } catch {
            operations.removeAll { $0.id == operation }
            throw error
        }
        return operation
    }

    /// Writes a savepoint while the job runs on.
    package func savepoint(_ id: JobID, _ order: SavepointOrder, trigger: String? = nil) throws -> String {
        if let known = try repeated(trigger, of: id, under: "savepoints") { return known }
        let api = try running(id)
        let operation = begin(
            .savepoint, of: id, trigger: trigger, limitMillis: max(Operation.limitMillis, order.timeoutMillis + Self.graceMillis))
        Task {
            do { written(operation, try await api.savepoint(order)) } catch { failed(operation, error) }
        }
        return operation
    }

    /// What was asked for, completed: where savepoints go when nobody says where, how long one is waited for when nobody
    /// says how long. Throws `ControlError`.
    package nonisolated func savepointOrder(folder: String?, timeoutMillis: Int64?) throws -> SavepointOrder {
        let timeout = timeoutMillis ?? options.savepointMillis
        guard ControlSettings.savepointMillisRange.contains(Int(timeout)) else {
            throw ControlError(.badRequest, "timeoutMillis: \(timeout) is not between a second and a day")
        }
        return SavepointOrder(folder: folder ?? "\(options.folder)/savepoints", timeoutMillis: timeout)
    }

    /// Stops the job with a checkpoint and starts it from that with another parallelism. With an order for one, a savepoint of
    /// the end is written, which is left to who asked; that needs a job that runs.
    package func rescale(_ id: JobID, parallelism: Int, savepoint: SavepointOrder? = nil) throws -> String {
        let entry = try live(id)
        if let ending = entry.machine.state.ending, ending != .relaunch {
            throw ControlError(.conflict, "job \(id) was \(entry.machine.state.text); submit it again with another parallelism")
        }
        guard case .integer(let range) = StandardSettings.parallelism.key.type, range.contains(parallelism) else {
            throw ControlError(.badRequest, "parallelism \(parallelism) is out of range")
        }
        if let plan = entry.view.snapshot?.plan, parallelism > plan.maxParallelism {
            throw ControlError(
                .badRequest, "parallelism \(parallelism) is more than the job's maximum, \(plan.maxParallelism) key groups")
        }
        if savepoint != nil {
            guard case .running = entry.machine.state else { throw ControlError(.conflict, "the job does not run just now") }
        }
        let patience = options.stopMillis + (savepoint?.timeoutMillis ?? 0)
        let operation = begin(
            .relaunch(from: entry.machine.state.process, savepoint: savepoint != nil), of: id,
            limitMillis: max(Operation.limitMillis, patience + Self.graceMillis))
        entries[id]?.view.record.submission.settings[StandardSettings.parallelism.key.name] = String(parallelism)
        entries[id]?.stop = StopOrder(savepoint: savepoint, operation: savepoint == nil ? nil : operation)
        apply(.endAsked(.relaunch, patienceMillis: patience), to: id)
        return operation
    }

    /// Removes an ended job from the registry; its checkpoints stay, its logs go.
    package func forget(_ id: JobID) throws {
        guard try entry(id).machine.state.isEnded else { throw ControlError(.conflict, "the job has not ended; cancel it first") }
        do { try registry.remove(id) } catch {
            throw ControlError(.internalServerError, "the registry cannot be written: \(error)")
        }
        try? FileManager.default.removeItem(atPath: folder(id))
        entries[id] = nil
        order.removeAll { $0 == id }
    }

    /// `resource`: what it was asked for under, as in the path of a request.
    package func operation(_ id: String, of job: JobID, under resource: String) throws -> Operation {
        guard let found = operations.first(where: { $0.id == id && $0.job == job && $0.kind.resource == resource }) else {
            throw ControlError(.notFound, "there is no operation \(id) of job \(job) among its \(resource)")
        }
        return found
    }

    /// What was begun before under the id that `trigger` gives it: a client that had no answer asks again, and means the same.
    private func repeated(_ trigger: String?, of job: JobID, under resource: String) throws -> String? {
        guard let trigger, let known = operations.first(where: { $0.id == trigger }) else { return nil }
        guard known.job == job, known.kind.resource == resource else {
            throw ControlError(.conflict, "triggerId: '\(trigger)' is the id of another operation")
        }
        return trigger
    }

    package func series(_ id: JobID) async throws -> [SeriesReading] {
        _ = try entry(id)
        guard let api = api(of: id) else { return [] }
        return try await api.series()
    }

    package func events(_ id: JobID) throws -> [JobEvent] {
        _ = try entry(id)
        return try registry.events(of: id)
    }

    package func logPath(_ id: JobID) throws -> String {
        _ = try entry(id)
        return "\(folder(id))/job.log"
    }

    /// Asks every job to stop and waits until all have ended: for `stopMillis`, then they are cancelled, and killed should that
    /// not help either.
    package func stopAll() async {
        let cancelAt = clock.wallMillis() + options.stopMillis
        let endAt = cancelAt + options.cancelMillis + Self.killMillis
        while true {
            let now = clock.wallMillis()
            let living = order.filter { entries[$0].map { !$0.machine.state.isEnded } ?? false }
            guard !living.isEmpty else { return }
            guard now < endAt else {
                return log.error(
                    "these jobs could not be ended", metadata: ["jobs": "\(living.map(\.rawValue).joined(separator: ", "))"])
            }
            for id in living { askForTheEnd(of: id, atOnce: now >= cancelAt) }
            tick()
            try? await Task.sleep(for: .milliseconds(Self.tickMillis))
        }
    }

    /// Unless the job was asked already. Asked each time: what was asked before may have had other consequences.
    private func askForTheEnd(of id: JobID, atOnce: Bool) {
        switch entries[id]?.machine.state.ending {
        case .cancel: break
        case .stop where !atOnce: break
        case _ where atOnce: try? cancel(id)
        default: _ = try? stop(id, drain: true)
        }
    }
}
