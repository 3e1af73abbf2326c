import Foundation

/// What the system allows a process, `ulimit`.
enum SystemLimits {
    private static let openFilesWanted: UInt64 = 4096
    private static let processesWanted: UInt64 = 1024

    #if canImport(Darwin)
        private typealias Resource = Int32
    #else
        private typealias Resource = __rlimit_resource_t
    #endif

    static var findings: [DoctorFinding] {
        [
            atLeast(
                openFilesWanted, limit(openFiles), "open files",
                remedy: "Raise it: 'ulimit -n 65536', or LimitNOFILE= in the unit."),
            atLeast(
                processesWanted, limit(processes), "threads of this user",
                remedy: "Raise it: 'ulimit -u 4096', or TasksMax= and LimitNPROC= in the unit."),
            unlimited(
                limit(fileSize), "size of files", remedy: "Lift it: 'ulimit -f unlimited', or LimitFSIZE=infinity in the unit."),
            unlimited(
                limit(memory), "memory of a process",
                remedy: "Lift it: 'ulimit -v unlimited', or LimitAS=infinity; bound memory with a cgroup."),
        ]
    }

    #if canImport(Darwin)
        private static let openFiles = RLIMIT_NOFILE, processes = RLIMIT_NPROC, fileSize = RLIMIT_FSIZE, memory = RLIMIT_AS
    #else
        private static let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        private static let processes = __rlimit_resource_t(__RLIMIT_NPROC.rawValue)
        private static let fileSize = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        private static let memory = __rlimit_resource_t(RLIMIT_AS.rawValue)
    #endif

    /// `nil`: it cannot be found out.
    private static func limit(_ resource: Resource) -> UInt64? {
        var limit = rlimit()
        return getrlimit(resource, &limit) == 0 ? UInt64(limit.rlim_cur) : nil
    }

    private static func isUnlimited(_ limit: UInt64) -> Bool { limit >= UInt64(Int64.max) }

    private static func atLeast(_ wanted: UInt64, _ limit: UInt64?, _ what: String, remedy: String) -> DoctorFinding {
        guard let limit else { return unknown(what) }
        if isUnlimited(limit) { return DoctorFinding(.ok, what, "not limited") }
        return limit < wanted
            ? DoctorFinding(.warning, what, "at most \(limit)", remedy: remedy) : DoctorFinding(.ok, what, "at most \(limit)")
    }

    private static func unlimited(_ limit: UInt64?, _ what: String, remedy: String) -> DoctorFinding {
        guard let limit else { return unknown(what) }
        return isUnlimited(limit)
            ? DoctorFinding(.ok, what, "not limited")
            : DoctorFinding(.warning, what, "at most \(limit >> 20) MiB", remedy: remedy)
    }

    private static func unknown(_ what: String) -> DoctorFinding {
        DoctorFinding(.warning, what, "the limit cannot be found out", remedy: "Look at 'ulimit -a'.")
    }
}
