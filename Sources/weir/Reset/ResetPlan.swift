import StreamRuntime
import WeirKit

/// What a reset deletes: what Weir has made, by its names, and nothing in a folder that holds anything else. Pure.
struct ResetPlan {
    /// Files and folders to delete, whole.
    let paths: [String]
    /// To remove after that, should they be empty.
    let folders: [String]
    /// Held by whoever uses some of it.
    let lockFiles: [String]
    /// For people.
    let text: String

    var isEmpty: Bool { paths.isEmpty }

    /// What embedded runs, services and the example `order-topic` make in the data folder, and what locks it.
    private static let locks = [
        "log": ["log/owner.lock"], "portfolios": ["portfolios/LOCK"], "orders": ["orders/LOCK"],
        "order-topic": ["order-topic/owner.lock"],
    ]
    private static let databases = ["history.sqlite", "analytics.sqlite"]
    private static let secrets = ["service.key", "token.key"]
    private static let state = "state"
    /// A weir server's, which is no embedded run.
    private static let kept = ["server"]

    /// `names`: what is in a folder; `nil` when there is none. Throws `CommandFailure` for folders that are not Weir's alone.
    init(data: String, checkpoints: String, home: String, names: (String) throws -> [String]?) throws {
        for (folder, setting) in [(data, "data"), (checkpoints, "checkpoint.dir")] where folder == "/" || folder == home {
            throw CommandFailure("\(setting): \(folder) is no folder of Weir's own; nothing was deleted")
        }
        let dataNames = try names(data) ?? []
        let own = dataNames.filter(Self.isOwn)
        try Self.refuse(dataNames.filter { !Self.isOwn($0) && !Self.kept.contains($0) }, in: data)
        let jobs = (try names(checkpoints) ?? []).filter { JobID($0) != nil }.map { "\(checkpoints)/\($0)" }
        for job in jobs { try Self.refuse((try names(job) ?? []).filter { !Self.isOfJob($0) }, in: job) }
        paths = own.map { "\(data)/\($0)" } + jobs
        folders = dataNames.isEmpty ? [] : [data]
        lockFiles =
            own.flatMap { Self.locks[$0] ?? (Self.databases.contains($0) ? [$0] : []) }.map { "\(data)/\($0)" }
            + jobs.map { "\($0)/owner.lock" }
        text = "\(own.count) file(s) and folder(s) of \(data) and \(jobs.count) checkpoint folder(s) in \(checkpoints)"
    }

    /// Databases have journals beside them, secrets that were being made a process's number.
    private static func isOwn(_ name: String) -> Bool {
        locks[name] != nil || name == state || databases.contains { name == $0 || name.hasPrefix($0 + "-") }
            || secrets.contains { name == $0 || (name.hasPrefix($0 + ".") && name.hasSuffix(".new")) }
    }

    private static func isOfJob(_ name: String) -> Bool { name == "files" || name == "owner.lock" || name.hasPrefix("chk-") }

    private static func refuse(_ foreign: [String], in folder: String) throws {
        guard !foreign.isEmpty else { return }
        let shown = foreign.prefix(5).joined(separator: ", ") + (foreign.count > 5 ? ", …" : "")
        throw CommandFailure("\(folder) holds what is not Weir's: \(shown). Move it away; nothing was deleted")
    }
}
