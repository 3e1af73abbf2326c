import StreamRuntime
import WeirKit

/// The command line and the environment of a job's process. Pure.
///
/// Settings travel as variables: nothing of them, secrets least of all, is seen in the list of processes.
package struct JobLaunch: Sendable, Equatable {
    package let arguments: [String]
    package let environment: [String: String]

    /// `surroundings`: the supervisor's own environment. Its settings in there are its own affair.
    package init(_ record: JobRecord, folder: String, surroundings: [String: String]) {
        var settings = record.submission.settings.merging(record.submission.secrets) { $1 }
        settings[StandardSettings.metricsEnabled.key.name] = "true"
        if settings[StandardSettings.metricsPort.key.name] == nil { settings[StandardSettings.metricsPort.key.name] = "0" }
        settings[ControlSettings.controlFile.key.name] = "\(folder)/control.json"
        settings[ControlSettings.controlToken.key.name] = record.controlToken
        settings[ControlSettings.logFile.key.name] = "\(folder)/job.log"
        var environment = ConfigurationLayers.withoutSettings(surroundings)
        for (name, text) in settings { environment[ConfigurationKey.environmentVariable(of: name)] = text }
        environment[LaunchGate.variable] = "stdin"
        self.environment = environment
        arguments = ["run", record.name] + record.submission.startArguments
    }
}

extension JobRecord {
    /// Follows the machine: times, counts and failures.
    package mutating func note(_ new: JobMachine.State, after old: JobMachine.State, atMillis now: Int64) {
        state = new
        modifiedAtMillis = now
        if case .waiting = old, case .launching = new { relaunches += 1 }
        if new.isEnded { endedAtMillis = now }
        if old.process != nil, case .waiting(_, let reason) = new {
            failures.append(
                FailureRecord(
                    atMillis: now, place: FailureRecord.ofProcess, type: "ProcessDied", message: reason, isRestarted: true))
            if failures.count > FailureHistory.recordsKept { failures.removeFirst() }
        }
    }
}

extension FailureRecord {
    /// The place of failures that are none of a task's.
    static let ofProcess = "(process)"
}

extension JobMachine.State {
    /// For the job's history and the log.
    var text: String {
        switch self {
        case .launching: "launching a process"
        case .starting(let process): "process \(process) was started"
        case .running(let process): "process \(process) runs"
        case .ending(_, .stop, _): "asked to stop"
        case .ending(_, .cancel, _): "asked to cancel"
        case .ending(_, .relaunch, _): "asked to stop, to be started again with other settings"
        case .waiting(_, let reason): "\(reason); it is started again"
        case .ended(.finished): "finished"
        case .ended(.cancelled): "cancelled"
        case .ended(.failed(let reason)): "failed: \(reason)"
        }
    }
}
