import Foundation
import WeirKit

/// Samples the stacks of a running process with Linux's `perf`: the shell around `PerfScript`.
///
/// `perf` runs as a process of its own, bounded in time and in what it writes; its files are in a folder that goes when it
/// has ended.
struct StackSampler: Sendable {
    /// Why there are no stacks.
    struct Refusal: Error, CustomStringConvertible { let description: String }

    static let samplesPerSecond = 99
    private static let dataMax = "64M"
    /// Of text; what is beyond is not read.
    private static let textBytesMax = 128 << 20
    /// What perf may take for starting, ending and printing.
    private static let graceSeconds = 30

    let perf: String

    /// `nil`: there is no perf here.
    init?(searching path: String?) {
        let folders = (path ?? "").split(separator: ":").map(String.init) + ["/usr/bin", "/usr/sbin"]
        guard let folder = folders.first(where: { access($0 + "/perf", X_OK) == 0 }) else { return nil }
        perf = folder + "/perf"
    }

    /// Takes `seconds`, and some for reading. Throws `Refusal`.
    func sample(_ process: ProcessIdentity, seconds: Int, folder: String) async throws -> PerfScript {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw Refusal(description: "\(folder) cannot be made: \(error)") }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // A clock of the kernel's, as machines in the cloud have no counters of the processor's.
        _ = try await run(
            [
                "record", "-q", "-e", "cpu-clock", "-F", "\(Self.samplesPerSecond)", "-g", "--no-buildid-cache", "--max-size",
                Self.dataMax, "-o", "\(folder)/perf.data", "-p", "\(process.pid)", "--", "sleep", "\(seconds)",
            ], in: folder, output: "\(folder)/record.out", seconds: seconds + Self.graceSeconds)
        guard process.isAlive else { throw Refusal(description: "the job's process ended meanwhile") }
        let text = try await run(
            ["script", "-i", "\(folder)/perf.data", "--no-inline", "-F", "comm,pid,tid,ip,sym,dso"], in: folder,
            output: "\(folder)/script.out", seconds: Self.graceSeconds)
        return PerfScript(text)
    }

    private func run(_ arguments: [String], in folder: String, output: String, seconds: Int) async throws -> Data {
        let process: pid_t
        do {
            process = try ProcessLauncher.spawn(
                perf, arguments, environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "HOME": folder],
                folder: folder, outputPath: output)
        } catch { throw Refusal(description: "\(error)") }
        let deadline = ContinuousClock.now + .seconds(seconds)
        var exit: JobMachine.Exit?
        while exit == nil {
            exit = ProcessLauncher.reap(process)
            if exit == nil, ContinuousClock.now > deadline || Task.isCancelled { kill(process, SIGKILL) }
            if exit == nil { try? await Task.sleep(for: .milliseconds(50)) }
        }
        let file = FileHandle(forReadingAtPath: output)
        let said = (try? file?.read(upToCount: Self.textBytesMax)) ?? Data()
        guard case .finished? = exit else {
            throw Refusal(description: "perf refuses: \(Self.reason(said) ?? exit?.reason ?? "no reason given")")
        }
        return said
    }

    /// The line of perf's complaint that says most: the one after `Error:`, or the first.
    private static func reason(_ said: Data) -> String? {
        let lines = String(decoding: said.prefix(4096), as: UTF8.self).split(separator: "\n")
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        let found = lines.firstIndex(of: "Error:").flatMap { $0 + 1 < lines.count ? lines[$0 + 1] : nil } ?? lines.first
        return found.map { String($0.prefix(200)) }
    }
}
