import Foundation
import StreamRuntime

/// Keeps the control file of this process, where one is asked for.
struct ControlledProcess: Sendable {
    private let path: String?
    private let settings: [JobSnapshot.SettingReading]
    private let log: RuntimeLog
    private let clock = SystemClock()

    init(_ configuration: Configuration, _ log: RuntimeLog) {
        path = configuration[ControlSettings.controlFile]
        settings = JobSnapshot.SettingReading.all(of: configuration)
        self.log = log
    }

    /// Who watches a process needs its server.
    func checkServer(isEnabled: Bool) throws {
        guard path == nil || isEnabled else {
            throw ConfigurationRefusal(["control.file needs the metrics server: leave metrics.enabled at true"])
        }
    }

    /// From here on the process can be reached. Throws `CommandFailure`: nobody could stop a process that cannot say where it is.
    func serves(on host: String, port: Int) throws {
        guard let path, let process = ProcessIdentity.current else { return }
        let reachable = ["0.0.0.0", "::", "*"].contains(host) ? "127.0.0.1" : host
        try ControlFile(process: process, host: reachable, port: port).write(path)
    }

    /// The last that is said; a file that cannot be written is logged, because the end is what counts.
    func ended(_ host: JobHost, _ error: (any Error)?) {
        guard let path, let process = ProcessIdentity.current else { return }
        let known = ControlFile.read(path).flatMap { $0.process == process ? $0 : nil }
        let code = error.map { ExitStatus($0) ?? .failure } ?? .success
        let jobs = host.runners.map { JobSnapshot($0, settings: settings, atMillis: clock.wallMillis()) }
        let file = ControlFile(
            process: process, host: known?.host ?? "", port: known?.port ?? 0,
            end: ControlFile.End(
                code: code.rawValue, message: error.map { LogBootstrap.redactor.text("\($0)") }, jobs: jobs))
        do { try file.write(path) } catch {
            log(.error, "the control file could not be written", ["error": "\(error)"])
        }
    }
}
