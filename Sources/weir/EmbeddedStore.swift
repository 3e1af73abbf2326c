import ConnectorLog
import StoreKit
import WeirKit

/// Stores on this machine's disk, which belong to one process.
enum EmbeddedStore {
    /// What `open` opens. Throws `CommandFailure` when another process has it: which one, and what to do; the setting names a
    /// store that processes can share.
    static func open<Store>(insteadSet setting: String, _ open: () throws -> Store) throws -> Store {
        do {
            return try open()
        } catch let error as LogOwnedElsewhere {
            throw taken("\(error.path) is open in another process\(error.pid.map { " (\($0))" } ?? "")", setting)
        } catch let StoreError.invalid(detail) where detail.contains("is open in another process") {
            throw taken(detail, setting)
        }
    }

    private static func taken(_ detail: String, _ setting: String) -> CommandFailure {
        CommandFailure(
            "\(detail): another weir runs on this data folder. Stop it first (Ctrl-C where it runs, or SIGTERM), or give this one "
                + "folders of its own: --set data=FOLDER --checkpoint-dir FOLDER. What processes are to share must be a real store, "
                + "such as --set \(setting)")
    }
}
