import StreamRuntime
import WeirKit

/// What a weir server runs, for commands elsewhere that must not get in its way.
package enum SupervisedJobs {
    /// The processes of jobs that have not ended (`starting` where there is none yet). None when no server answers; one that
    /// refuses to answer is an error.
    package static func living(_ configuration: Configuration) async throws -> [JobID: String] {
        let jobs: [ListedJob]
        do { jobs = try await ServerClient(configuration).jobs() } catch let failure as CommandFailure where failure.isNoServer {
            return [:]
        }
        let living = jobs.filter { !$0.isEnded }.compactMap { job in
            JobID(job.jid).map { ($0, job.weir.pid.map(String.init) ?? "starting") }
        }
        return Dictionary(living, uniquingKeysWith: { $1 })
    }
}

extension CommandFailure {
    static let noServer = "no weir server answers"
    /// There is no server, as opposed to one that refuses.
    var isNoServer: Bool { status == .unreachable && description.hasPrefix(Self.noServer) }
}
