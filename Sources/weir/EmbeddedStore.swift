import ConnectorLog
import StoreKit
import WeirKit

/// Stores on this machine's disk, which belong to one process.
enum EmbeddedStore {
    /// What `open` opens. Throws `CommandFailure` when another process has it, with the setting that names one which
    /// processes can share.
    static func open<Store>(insteadSet setting: String, _ open: () throws -> Store) throws -> Store {
        do {
            return try open()
        } catch let error as LogOwnedElsewhere {
            throw taken("the log \(error.path) belongs to \(error.pid.map { "process \($0)" } ?? "another process")", setting)
        } catch let StoreError.invalid(detail) where detail.contains("is open in another process") {
            throw taken(detail, setting)
        }
    }

    private static func taken(_ detail: String, _ setting: String) -> CommandFailure {
        CommandFailure(
            "\(detail). Embedded stores belong to one process: run everything with 'weir up', or let processes share a real "
                + "one, such as --set \(setting)")
    }
}
