import Foundation

/// A process that cannot be taken for another one: its number, and when it began. Numbers are used again; the pair is not.
public struct ProcessIdentity: Sendable, Hashable, Codable, CustomStringConvertible {
    public let pid: Int32
    /// When it began, in a form that differs between boots; compared only.
    public let start: String

    /// The running process of this number; `nil` when there is none.
    public init?(pid: Int32) {
        guard let entry = Self.entry(of: pid), !entry.hasEnded else { return nil }
        self.init(pid: pid, start: entry.start)
    }

    /// A child that nobody has waited for yet, whether it still runs or not; `nil` when this number is no process's.
    public init?(child pid: Int32) {
        guard let entry = Self.entry(of: pid) else { return nil }
        self.init(pid: pid, start: entry.start)
    }

    private init(pid: Int32, start: String) {
        self.pid = pid
        self.start = start
    }

    public static var current: ProcessIdentity? { ProcessIdentity(pid: getpid()) }

    /// False once it has ended; a child that nobody has waited for yet counts as ended.
    public var isAlive: Bool {
        guard let entry = Self.entry(of: pid) else { return false }
        return !entry.hasEnded && entry.start == start
    }

    public var description: String { String(pid) }

    /// What the system's table of processes says.
    private struct Entry {
        let start: String
        /// Nobody has waited for it.
        let hasEnded: Bool
    }

    #if canImport(Darwin)
        private static func entry(of pid: Int32) -> Entry? {
            var info = kinfo_proc()
            var size = MemoryLayout<kinfo_proc>.stride
            var name: [Int32] = [CTL_KERN, KERN_PROC, KERN_PROC_PID, pid]
            guard sysctl(&name, 4, &info, &size, nil, 0) == 0, size > 0 else { return nil }
            let began = info.kp_proc.p_un.__p_starttime
            return Entry(start: "\(began.tv_sec).\(began.tv_usec)", hasEnded: info.kp_proc.p_stat == SZOMB)
        }
    #else
        private static let bootID = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?.prefix(8)

        private static func entry(of pid: Int32) -> Entry? {
            // The name, in parentheses, may hold anything: fields are counted after the last ')'.
            guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return nil }
            let fields = text[text.index(after: end)...].split(separator: " ")
            guard fields.count > 19 else { return nil }
            return Entry(start: "\(bootID ?? "-"):\(fields[19])", hasEnded: fields[0] == "Z" || fields[0] == "X")
        }
    #endif
}
