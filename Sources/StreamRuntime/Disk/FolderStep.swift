/// What is to be done so that a folder is there and survives a crash. Pure.
///
/// Each folder that is made is synced into the one above before anything is made in it. So is the deepest one that was there:
/// who made it may have died before its name was durable. Those above it held something, and were durable before that.
package enum FolderStep: Equatable, Sendable {
    case make(String)
    /// What this folder's entries are called is to survive a crash.
    case sync(String)
    /// The same for a folder above one that was there: whoever may not read it has made nothing in it.
    case syncIfReadable(String)

    package static func toMake(_ path: String, exists: (String) -> Bool) -> [FolderStep] {
        var missing: [String] = []
        var level = path
        while !exists(level), above(level) != level {
            missing.append(level)
            level = above(level)
        }
        return [.syncIfReadable(above(level))] + missing.reversed().flatMap { [.make($0), .sync(above($0))] }
    }

    private static func above(_ path: String) -> String {
        let parts = path.split(separator: "/").dropLast()
        return path.hasPrefix("/") ? "/" + parts.joined(separator: "/") : parts.isEmpty ? "." : parts.joined(separator: "/")
    }
}
