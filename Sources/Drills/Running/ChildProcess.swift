import Foundation
import ProcessSpawn

/// An executable as a process of its own, to be stopped, killed or made to stand still. Owned by one thread or task at a time;
/// a process that is still there when its owner lets go of it is killed.
public final class ChildProcess {
    public private(set) var pid: pid_t = 0
    private let logPath: String

    /// Starts it. Standard output and error go to `log`, appended. `environment` nil: this process's own.
    /// Throws `ChildProcessError`.
    public init(_ executable: String, _ arguments: [String], environment: [String: String]? = nil, log: String) throws {
        logPath = log
        do {
            pid = try ProcessSpawn.start(
                executable, arguments, environment: environment ?? ProcessInfo.processInfo.environment, outputPath: log)
        } catch let error as ProcessSpawnError {
            throw ChildProcessError("'\(executable)' does not start: \(error.reason)")
        }
    }

    deinit { kill() }

    /// SIGKILL: nothing gets a chance to tidy up. Returns when the process is gone.
    public func kill() {
        guard pid > 0 else { return }
        send(SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        pid = 0
    }

    public func send(_ signal: Int32) {
        #if canImport(Glibc)
            if pid > 0 { _ = Glibc.kill(pid, signal) }
        #else
            if pid > 0 { _ = Darwin.kill(pid, signal) }
        #endif
    }

    /// How the process ended, the exit code or the negative number of the signal, once it has; nil while it runs, and after its
    /// end has been told.
    public func ended() -> Int32? {
        var status: Int32 = 0
        guard pid > 0, waitpid(pid, &status, WNOHANG) == pid else { return nil }
        pid = 0
        return (status & 0x7F) == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
    }

    /// True when the process has not ended by itself.
    public var isRunning: Bool { pid > 0 && ended() == nil }

    /// Waits until the process has said `sign`, two minutes at most.
    public func waitUntilUp(_ sign: String = "serving metrics") throws {
        for _ in 0..<12_000 {
            if lastWords.contains(sign) { return }
            guard isRunning else { throw ChildProcessError("the process ended by itself: \(lastWords)") }
            usleep(10_000)
        }
        throw ChildProcessError("the process did not come up: \(lastWords)")
    }

    /// Waits for the process to end by itself; returns as `ended` does. One that takes longer is killed.
    public func waitUntilExit(withinSeconds seconds: Int = 60) throws -> Int32 {
        for _ in 0..<(seconds * 100) {
            if let code = ended() { return code }
            usleep(10_000)
        }
        kill()
        throw ChildProcessError("the process did not end within \(seconds) s; see \(logPath)")
    }

    /// SIGTERM; returns as `ended` does. A process that takes longer is killed.
    public func stop(withinSeconds seconds: Int = 60) throws -> Int32 {
        send(SIGTERM)
        return try waitUntilExit(withinSeconds: seconds)
    }

    /// The end of what the process printed.
    public var lastWords: Substring {
        guard let file = FileHandle(forReadingAtPath: logPath) else { return "" }
        defer { try? file.close() }
        let size = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: size > Self.lastWordsBytes ? size - Self.lastWordsBytes : 0)
        return String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)[...]
    }

    private static let lastWordsBytes: UInt64 = 3000
}

public struct ChildProcessError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
