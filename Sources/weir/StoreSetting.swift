import StoreKit
import WeirKit

/// Stores that settings name.
enum StoreSetting {
    private static let embedded: Set<String> = ["rocksdb", "sqlite"]

    /// What `open` opens at `url`, the value of the setting `name`. Throws `ConfigurationRefusal` when the URL is none that
    /// can be opened, and `CommandFailure` when what is on this machine's disk cannot.
    static func open<Store>(_ name: String, _ url: String, _ open: () throws -> Store) throws -> Store {
        do { return try open() } catch let StoreError.invalid(detail) {
            let text = "\(name): \(detail)"
            if embedded.contains(TradingResources.scheme(url)) { throw CommandFailure(text) }
            throw ConfigurationRefusal([text])
        }
    }
}
