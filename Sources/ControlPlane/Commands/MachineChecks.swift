import CHostShim
import Foundation
import StreamRuntime
import WeirKit

/// What can be seen of this machine.
struct MachineChecks {
    private static let freeBytesProblem = 200 << 20
    private static let freeBytesWarning = 2 << 30
    private static let freeFilesWarning = 10_000
    private static let syncMillisWarning = 50.0

    private let configuration: Configuration

    init(_ configuration: Configuration) { self.configuration = configuration }

    var findings: [DoctorFinding] {
        let checkpoints = configuration[StandardSettings.checkpointFolder]
        return [
            folder("checkpoints", checkpoints, flag: "--checkpoint-dir"),
            folder("data", configuration[StandardSettings.dataFolder], flag: "--set data=FOLDER"),
            folder("server", configuration[ControlSettings.serverFolder], flag: "--set server.dir=FOLDER"),
            sync(checkpoints), cores, clock, metricsPort, profiling,
        ]
    }

    /// Writable, or able to be made, with room.
    private func folder(_ what: String, _ path: String, flag: String) -> DoctorFinding {
        let name = "\(what) folder"
        guard let existing = Self.existingParent(path) else {
            return DoctorFinding(.problem, name, "\(path) cannot be reached", remedy: "Choose another with \(flag).")
        }
        guard access(existing, W_OK | X_OK) == 0 else {
            return DoctorFinding(
                .problem, name, "\(existing) is not writable for this user",
                remedy: "Change its owner, or choose another with \(flag).")
        }
        var info = statvfs()
        guard statvfs(existing, &info) == 0 else {
            return DoctorFinding(.warning, name, "the free space of \(existing) cannot be found out", remedy: "Look at 'df'.")
        }
        let free = Int(info.f_bavail) * Int(info.f_frsize)
        let detail = "\(path), \(free >> 20) MiB free"
        if free < Self.freeBytesProblem {
            return DoctorFinding(.problem, name, detail, remedy: "Make room, or choose another with \(flag).")
        }
        if free < Self.freeBytesWarning {
            return DoctorFinding(.warning, name, detail, remedy: "Make room: a full disk fails every job.")
        }
        // File systems that make files' records as they go tell of none.
        if info.f_files > 0, Int(clamping: info.f_favail) < Self.freeFilesWarning {
            return DoctorFinding(
                .warning, name, "\(detail), room for \(info.f_favail) more files",
                remedy: "Remove files, or choose another with \(flag): each checkpoint is a few.")
        }
        return DoctorFinding(.ok, name, detail)
    }

    private static func existingParent(_ path: String) -> String? {
        var url = URL(fileURLWithPath: path).standardizedFileURL
        while !FileManager.default.fileExists(atPath: url.path) {
            guard url.path != "/" else { return nil }
            url.deleteLastPathComponent()
        }
        return url.path
    }

    /// Each checkpoint waits for a few of these.
    private func sync(_ path: String) -> DoctorFinding {
        guard let folder = Self.existingParent(path) else {
            return DoctorFinding(.warning, "sync to disk", "cannot be measured: no folder", remedy: "See the finding above.")
        }
        let file = "\(folder)/.weir-doctor-\(getpid())"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            return DoctorFinding(.warning, "sync to disk", "cannot be measured in \(folder)", remedy: "See the finding above.")
        }
        defer {
            close(descriptor)
            unlink(file)
        }
        let block = [UInt8](repeating: 1, count: 4096)
        var millis: [Double] = []
        for _ in 0..<9 {
            let began = ContinuousClock.now
            guard write(descriptor, block, block.count) == block.count, fsync(descriptor) == 0 else {
                return DoctorFinding(.problem, "sync to disk", "fails in \(folder)", remedy: "Use a local file system.")
            }
            millis.append((ContinuousClock.now - began) / .milliseconds(1))
        }
        let median = millis.sorted()[millis.count / 2]
        let detail = "\((median * 10).rounded() / 10) ms for 4 KiB (median of 9)"
        return median > Self.syncMillisWarning
            ? DoctorFinding(
                .warning, "sync to disk", detail,
                remedy: "Checkpoints take a few of these each: use a faster disk, or a longer --checkpoint-interval.")
            : DoctorFinding(.ok, "sync to disk", detail)
    }

    private var cores: DoctorFinding {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let parallelism = configuration[StandardSettings.parallelism]
        return parallelism > 4 * cores
            ? DoctorFinding(
                .warning, "processors", "\(cores), for parallelism \(parallelism)",
                remedy: "More subtasks than processors are fine; four times as many only cost memory.")
            : DoctorFinding(.ok, "processors", "\(cores), for parallelism \(parallelism)")
    }

    /// Time-outs, tokens and windows on processing time go wrong with it.
    private var clock: DoctorFinding {
        let now = Date().timeIntervalSince1970
        let built = 1_735_689_600.0  // 2025-01-01
        let text = UTCTime.text(Int64(now * 1000))
        guard now >= built else { return DoctorFinding(.problem, "clock", "says \(text)", remedy: "Set it: run an NTP client.") }
        switch chost_clock_is_kept() {
        case 1: return DoctorFinding(.ok, "clock", "\(text), kept right by NTP or PTP")
        case 0:
            return DoctorFinding(
                .warning, "clock", "\(text), and nothing keeps it right",
                remedy: "Run an NTP client (chrony, systemd-timesyncd), unless the machine's host keeps the clock.")
        default: return DoctorFinding(.ok, "clock", text)
        }
    }

    private var metricsPort: DoctorFinding {
        let port = configuration[StandardSettings.metricsPort]
        guard configuration[StandardSettings.metricsEnabled], port > 0 else {
            return DoctorFinding(
                .ok, "metrics port", configuration[StandardSettings.metricsEnabled] ? "any free one" : "not served")
        }
        return PortProbe.isTaken(port)
            ? DoctorFinding(
                .warning, "metrics port", "\(port) is in use by another process",
                remedy: "Choose another with --metrics-port (0: any free one), should that not be your job.")
            : DoctorFinding(.ok, "metrics port", "\(port) is free")
    }

    private var profiling: DoctorFinding {
        guard let sampler = StackSampler(searching: ProcessInfo.processInfo.environment["PATH"]) else {
            return DoctorFinding(.ok, "profiling", "no perf here (Debian: linux-perf): 'profile' tells of busy time only")
        }
        let level =
            (try? String(contentsOfFile: "/proc/sys/kernel/perf_event_paranoid", encoding: .utf8))
            .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 0
        return level > 2 && geteuid() != 0
            ? DoctorFinding(
                .ok, "profiling",
                "\(sampler.perf) is not permitted (kernel.perf_event_paranoid is \(level)): 'profile' tells of busy time only")
            : DoctorFinding(.ok, "profiling", "by \(sampler.perf)")
    }
}
