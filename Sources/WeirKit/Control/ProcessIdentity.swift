import Foundation

/// A process that cannot be taken for another one: its number, and when it began. Numbers are used again; the pair is not.
public struct ProcessIdentity: Sendable, Hashable, Codable, CustomStringConvertible {
    public let pid: Int32
    /// When it began, in a form that differs between boots; compared only.
    public let start: String

    /// The running process of this number; `nil` when there is none.
    public init?(pid: Int32) {
        guard let start = Self.start(of: pid) else { return nil }
        self.pid = pid
        self.start = start
    }

    public static var current: ProcessIdentity? { ProcessIdentity(pid: getpid()) }

    /// False once it has ended; a child that nobody has waited for yet counts as ended.
    public var isAlive: Bool { Self.start(of: pid) == start }

    public var description: String { String(pid) }

    #if canImport(Darwin)
        private static func start(of pid: Int32) -> String? {
            var info = kinfo_proc()
            var size = MemoryLayout<kinfo_proc>.stride
            var name: [Int32] = [CTL_KERN, KERN_PROC, KERN_PROC_PID, pid]
            guard sysctl(&name, 4, &info, &size, nil, 0) == 0, size > 0, info.kp_proc.p_stat != SZOMB else { return nil }
            let began = info.kp_proc.p_un.__p_starttime
            return "\(began.tv_sec).\(began.tv_usec)"
        }
    #else
        private static let bootID = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?.prefix(8)

        private static func start(of pid: Int32) -> String? {
            // The name, in parentheses, may hold anything: fields are counted after the last ')'.
            guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return nil }
            let fields = text[text.index(after: end)...].split(separator: " ")
            guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
            return "\(bootID ?? "-"):\(fields[19])"
        }
    #endif
}
