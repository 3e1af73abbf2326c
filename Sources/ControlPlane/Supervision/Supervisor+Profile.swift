import Foundation
import StreamRuntime
import WeirKit

extension Supervisor {
    /// Begins a profile of a running job; `profileSVG` has it when the operation is done. One at a time for a job.
    package func profile(_ id: JobID, _ method: ProfileMethod, seconds: Int) throws -> String {
        let entry = try live(id)
        guard case .running(let process) = entry.machine.state, let api = api(of: id) else {
            throw ControlError(.conflict, "the job does not run just now")
        }
        guard (1...JobProfile.secondsMax).contains(seconds) else {
            throw ControlError(.badRequest, "a profile takes 1 to \(JobProfile.secondsMax) seconds, not \(seconds)")
        }
        guard !operations.contains(where: { $0.job == id && $0.kind == .profile && $0.status == .inProgress }) else {
            throw ControlError(.conflict, "a profile of this job is being taken; wait for it")
        }
        let operation = begin(.profile, of: id, limitMillis: Int64(seconds) * 1000 + 120_000)
        let work = JobProfile(name: entry.view.record.name, process: process, api: api, folder: "\(folder(id))/profile.tmp")
        let path = profilePath(id)
        Task {
            do {
                let result = try await work.take(
                    method, seconds: seconds, searching: ProcessInfo.processInfo.environment["PATH"])
                try result.svg.write(to: URL(fileURLWithPath: path), options: .atomic)
                written(operation, path, note: result.note)
            } catch { failed(operation, error) }
        }
        return operation
    }

    /// The last profile of the job.
    package func profileSVG(_ id: JobID) throws -> Data {
        _ = try entry(id)
        guard let data = FileManager.default.contents(atPath: profilePath(id)) else {
            throw ControlError(.notFound, "no profile of this job was taken; POST one")
        }
        return data
    }

    private func profilePath(_ id: JobID) -> String { "\(folder(id))/profile.svg" }
}
