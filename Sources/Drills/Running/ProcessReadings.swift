import CDrillShim
import Foundation

/// What can be seen of another process, and done to it, from outside. Linux; elsewhere there is nothing to see.
enum ProcessReadings {
    /// Resident memory and open files; nil when the process is gone.
    static func resources(of pid: pid_t) -> (residentBytes: Int, openFiles: Int)? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) }), pages > 0,
            let files = openFiles(of: pid)
        else { return nil }
        return (pages * Int(sysconf(Int32(_SC_PAGESIZE))), files)
    }

    private static func openFiles(of pid: pid_t) -> Int? {
        guard let folder = opendir("/proc/\(pid)/fd") else { return nil }
        defer { closedir(folder) }
        var count = -2  // `.` and `..`
        while readdir(folder) != nil { count += 1 }
        return count
    }

    /// Every write of the process to a file fails from now on (EFBIG; SIGXFSZ must be ignored there), or works again.
    static func setDiskFull(_ isFull: Bool, for pid: pid_t) throws {
        guard cdrill_limit_file_size(pid, isFull ? 0 : -1) == 0 else {
            throw ChildProcessError("the file size limit of process \(pid) cannot be set: \(String(cString: strerror(errno)))")
        }
    }
}
