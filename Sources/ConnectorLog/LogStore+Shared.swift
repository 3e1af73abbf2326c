import Foundation
import Synchronization

extension LogStore {
    private struct Weak { weak var store: LogStore? }
    private static let open = Mutex<[String: Weak]>([:])

    /// The process's open store for `log:///path` (or a plain path), opened for writing if it is not yet:
    /// how sources, sinks and services that know only the URL come to share one store. It stays open as
    /// long as somebody holds it; `options` count only for the one who opens it.
    public static func shared(at url: String, options: LogStoreOptions = LogStoreOptions()) throws -> LogStore {
        let path = try folder(of: url)
        let key = URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
        return try open.withLock { open in
            if let store = open[key]?.store, !store.isClosed { return store }
            let store = try LogStore(path: path, options: options)
            open[key] = Weak(store: store)
            return store
        }
    }

    /// The folder that `log:///path` names; a text without a scheme is a path itself.
    public static func folder(of url: String) throws -> String {
        guard let mark = url.range(of: "://") else {
            guard !url.isEmpty else { throw LogUsageError("an empty text names no log: use log:///path") }
            return url
        }
        let path = String(url[mark.upperBound...])
        guard url[..<mark.lowerBound] == "log", path.hasPrefix("/"), path.count > 1 else {
            throw LogUsageError("'\(url)' names no log: use log:///path, with the folder's absolute path")
        }
        return path.removingPercentEncoding ?? path
    }
}
