import Foundation
import StreamRuntime

/// The figures of this process under their usual Prometheus names, read when scraped.
public enum ProcessMetrics {
    /// Adds the figures to `metrics`. Without `/proc` (macOS) memory and open descriptors are left out, and the
    /// start time is that of this call.
    public static func register(in metrics: MetricRegistry, clock: any RuntimeClock = SystemClock()) {
        let beganNanos = clock.monotonicNanos()
        let startSeconds = procStartSeconds() ?? Double(clock.wallMillis()) / 1000
        metrics.computed(.processStart) { startSeconds }
        metrics.computed(.processUptime) { Double(clock.monotonicNanos() - beganNanos) / 1e9 }
        metrics.computed(.processCPU, cpuSeconds)
        metrics.computed(.processMaxDescriptors, maxDescriptors)
        #if os(Linux)
            metrics.computed(.processResidentMemory) { memory().resident }
            metrics.computed(.processVirtualMemory) { memory().virtual }
            metrics.computed(.processOpenDescriptors, openDescriptors)
        #endif
    }

    private static func cpuSeconds() -> Double {
        var usage = rusage()
        #if os(Linux)
            guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return .nan }
        #else
            guard getrusage(RUSAGE_SELF, &usage) == 0 else { return .nan }
        #endif
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// `/proc/self/statm`: pages of virtual and of resident memory.
    private static func memory() -> (virtual: Double, resident: Double) {
        guard let text = read("/proc/self/statm") else { return (.nan, .nan) }
        let pages = text.split(separator: " ").prefix(2).compactMap { Double($0) }
        guard pages.count == 2 else { return (.nan, .nan) }
        let pageBytes = Double(sysconf(Int32(_SC_PAGESIZE)))
        return (pages[0] * pageBytes, pages[1] * pageBytes)
    }

    private static func maxDescriptors() -> Double {
        var limit = rlimit()
        #if os(Linux)
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .nan }
        #else
            guard getrlimit(RLIMIT_NOFILE, &limit) == 0 else { return .nan }
        #endif
        return Double(limit.rlim_cur)
    }

    private static func openDescriptors() -> Double {
        guard let folder = opendir("/proc/self/fd") else { return .nan }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            if entry.pointee.d_name.0 != 46 { count += 1 }  // not `.` and `..`
        }
        return Double(count - 1)  // not the folder itself
    }

    /// Boot time plus field 22 of `/proc/self/stat`, which follows the command's closing parenthesis.
    private static func procStartSeconds() -> Double? {
        guard let stat = read("/proc/self/stat"), let close = stat.lastIndex(of: ")"),
            let boot = read("/proc/stat")?.split(separator: "\n").first(where: { $0.hasPrefix("btime ") })
                .flatMap({ Double($0.dropFirst(6)) })
        else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 19, let ticks = Double(fields[19]) else { return nil }
        return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension MetricDescription {
    /// Of every process.
    static let process: [MetricDescription] = [
        processStart, processUptime, processCPU, processMaxDescriptors, processResidentMemory, processVirtualMemory,
        processOpenDescriptors,
    ]

    static let processStart = gauge(
        "process_start_time_seconds", in: "seconds", "Start of the process since 1970 in seconds.")
    static let processUptime = gauge(
        "weir_process_uptime_seconds", in: "seconds", "Time since the executable was set up.")
    static let processCPU = counter("process_cpu_seconds_total", in: "seconds", "User and system CPU time in seconds.")
    static let processMaxDescriptors = gauge(
        "process_max_fds", in: "descriptors", "Most open file descriptors allowed.")
    static let processResidentMemory = gauge("process_resident_memory_bytes", in: "bytes", "Resident memory.")
    static let processVirtualMemory = gauge("process_virtual_memory_bytes", in: "bytes", "Virtual memory.")
    static let processOpenDescriptors = gauge("process_open_fds", in: "descriptors", "Open file descriptors.")
}
