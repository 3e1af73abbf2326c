import Foundation
import WeirKit

/// Where a profile's figures come from.
package enum ProfileMethod: String, Sendable, CaseIterable {
    /// Stacks, if they can be had.
    case auto
    case stacks
    case busy
}

/// Makes a flame graph of a running job: of its threads' stacks where perf is there and allowed, else of the engine's own
/// accounting.
struct JobProfile: Sendable {
    struct Result {
        let svg: Data
        /// What whoever asked should know.
        let note: String
    }

    static let secondsMax = 300

    let name: String
    let process: ProcessIdentity
    let api: JobAPI
    /// For what perf writes; made and removed.
    let folder: String

    /// Takes `seconds` and a little. Throws `ControlError`.
    func take(_ method: ProfileMethod, seconds: Int, searching path: String?) async throws -> Result {
        let began = ContinuousClock.now
        let before = try await api.snapshot()
        guard method != .busy else { return try await busyTime(from: before, began, seconds, reason: "as asked") }
        do {
            guard let sampler = StackSampler(searching: path) else {
                throw StackSampler.Refusal(description: "there is no perf on the server's machine (Debian: linux-perf)")
            }
            let script = try await sampler.sample(process, seconds: seconds, folder: folder)
            guard script.samples > 0 else { throw StackSampler.Refusal(description: "perf saw no thread of the job at work") }
            return stacks(script, seconds)
        } catch let refusal as StackSampler.Refusal {
            guard method == .auto else { throw ControlError(.conflict, refusal.description) }
            return try await busyTime(from: before, began, seconds, reason: refusal.description)
        }
    }

    private func stacks(_ script: PerfScript, _ seconds: Int) -> Result {
        var note =
            "\(script.samples) \(script.samples == 1 ? "sample" : "samples") of stacks by perf, \(StackSampler.samplesPerSecond) a second of each running thread, \(seconds) s"
        if script.brokenLines > 0 { note += "; \(script.brokenLines) lines were not understood" }
        if script.stacks.isCut { note += "; the smallest frames are left out" }
        let graph = FlameGraph(title: name, subtitle: note, unit: "samples", stacks: script.stacks)
        return Result(svg: graph.svg(), note: note)
    }

    private func busyTime(
        from before: JobSnapshot, _ began: ContinuousClock.Instant, _ seconds: Int, reason: String
    ) async throws -> Result {
        try await Task.sleep(until: began + .seconds(seconds), clock: .continuous)
        let after = try await api.snapshot()
        let stacks = BusyTime.stacks(from: before, to: after)
        let note = "busy and back-pressured time of each subtask over \(seconds) s, by the engine's own accounting (\(reason))"
        let graph = FlameGraph(title: name, subtitle: note, unit: "ms", palette: .load, stacks: stacks)
        return Result(svg: graph.svg(), note: note)
    }
}
