import Foundation
import Testing

/// The `weir` executable as a process of its own, to be stopped or killed.
final class WeirProcess {
    private(set) var pid: pid_t = 0
    private let errorLog: String

    /// Standard output and error go to `log`, appended.
    init(_ arguments: [String], log: String) throws {
        errorLog = log
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The threads tests run on block signals, and a child would inherit that: SIGTERM must reach it.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, descriptor, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        }
        let binary = try Self.binary()
        var words: [UnsafeMutablePointer<CChar>?] = ([binary] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        guard posix_spawn(&pid, binary, &actions, &attributes, &words, environ) == 0 else {
            throw DrillFailure("'\(binary)' does not start")
        }
    }

    deinit {
        if pid > 0 { kill() }
    }

    /// SIGKILL: nothing gets a chance to tidy up.
    func kill() {
        guard pid > 0 else { return }
        Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        pid = 0
    }

    /// True when the process has not ended by itself.
    var isRunning: Bool {
        guard pid > 0 else { return false }
        var status: Int32 = 0
        if waitpid(pid, &status, WNOHANG) == 0 { return true }
        pid = 0
        return false
    }

    /// Waits until the process listens for signals: before that, SIGTERM ends it like any other program.
    func waitUntilUp() throws {
        for _ in 0..<3000 {
            if lastWords.contains("serving metrics") { return }
            guard isRunning else { throw DrillFailure("weir ended by itself: \(lastWords)") }
            usleep(10_000)
        }
        throw DrillFailure("weir did not come up: \(lastWords)")
    }

    /// SIGTERM; returns the exit code. A process that takes longer is killed and fails the test.
    func stop(withinSeconds seconds: Int = 60) throws -> Int32 {
        Glibc.kill(pid, SIGTERM)
        var status: Int32 = 0
        for _ in 0..<(seconds * 100) {
            if waitpid(pid, &status, WNOHANG) == pid {
                pid = 0
                return (status & 0x7F) == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
            }
            usleep(10_000)
        }
        kill()
        throw DrillFailure("weir did not end within \(seconds) s of SIGTERM; see \(errorLog)")
    }

    /// The end of what the process printed.
    var lastWords: Substring { ((try? String(contentsOfFile: errorLog, encoding: .utf8)) ?? "").suffix(3000) }

    /// Beside the test bundle, where the build puts it.
    private static func binary() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let candidates = [
            Bundle.main.bundleURL.appendingPathComponent("weir").path,
            URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("weir").path,
            "\(root)/.build/release/weir",
        ]
        guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw DrillFailure("no weir executable (looked for \(candidates)); run the tests with `make test`")
        }
        return found
    }
}

struct DrillFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// How much a drill does: short in `make test`, as promised in the README in `make test-full`.
enum DrillSize {
    static var isFull: Bool { ProcessInfo.processInfo.environment["WEIR_TEST_DRILLS"] == "full" }
    static func pick(_ short: Int, _ full: Int) -> Int { isFull ? full : short }
}

final class DrillFolder {
    let path = NSTemporaryDirectory() + "weir-drill-" + UUID().uuidString
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// All drills, one at a time: each wants the machine to itself.
@Suite(.serialized) struct Drills {}
