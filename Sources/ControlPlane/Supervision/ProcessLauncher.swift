import Foundation
import ProcessSpawn
import WeirKit

/// Starts processes that outlive this one, and notices the end of those that were started here.
enum ProcessLauncher {
    /// The process writes to `outputPath`; it may have ended already when this returns. `input`: see `LaunchGate`. Throws
    /// `ControlError`.
    static func launch(
        _ executable: String, _ arguments: [String], environment: [String: String], folder: String, outputPath: String,
        input: Int32
    ) throws -> ProcessIdentity {
        let pid = try spawn(
            executable, arguments, environment: environment, folder: folder, outputPath: outputPath, input: input)
        guard let process = ProcessIdentity(child: pid) else {
            throw ControlError(.internalServerError, "process \(pid) of \(executable) is not in the system's table of processes")
        }
        return process
    }

    /// The process's number is its own until it is reaped.
    static func spawn(
        _ executable: String, _ arguments: [String], environment: [String: String], folder: String, outputPath: String,
        input: Int32? = nil
    ) throws -> pid_t {
        do {
            return try ProcessSpawn.start(
                executable, arguments, environment: environment, folder: folder, outputPath: outputPath,
                input: input)
        } catch let error as ProcessSpawnError {
            throw ControlError(.badRequest, "\(executable) cannot be started in \(folder): \(error.reason)")
        }
    }

    /// How a child ended; `nil` while it runs, or when it is no child of this process. Called until it says so: only then is
    /// the process gone.
    static func reap(_ process: ProcessIdentity) -> JobMachine.Exit? { reap(process.pid) }

    static func reap(_ pid: pid_t) -> JobMachine.Exit? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        let signal = status & 0x7f
        switch signal {
        case 0: return JobMachine.Exit(code: (status >> 8) & 0xff)
        case SIGTERM: return .terminated
        default: return .died(reason: "its process was ended by signal \(signal) (\(String(cString: strsignal(signal))))")
        }
    }

    /// Never another process that has the number now.
    static func send(_ signal: Int32, to process: ProcessIdentity) {
        if process.isAlive { kill(process.pid, signal) }
    }
}
