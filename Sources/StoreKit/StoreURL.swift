import Foundation

/// A store's URL taken apart: `scheme://host:port/path?name=value`. Every adapter says which query names it
/// knows; an unknown one is an error, not a typing mistake that goes unnoticed.
package struct StoreURL {
    package let scheme: String
    package let host: String
    package let port: Int?
    package let user: String?
    package let password: String?
    package let path: String
    private let query: [String: String]
    /// Without its password.
    package let redacted: String

    package init(_ text: String) throws(StoreError) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme else {
            // It may hold a password all the same, where no URL has one.
            throw .invalid("what begins with '\(text.prefix { $0 != ":" })' is not a URL such as rocksdb:///path")
        }
        self.scheme = scheme.lowercased()
        host = parts.host ?? ""
        port = parts.port
        user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
        password = parts.password
        path = parts.path
        var query: [String: String] = [:]
        for item in parts.queryItems ?? [] { query[item.name] = item.value ?? "" }
        self.query = query
        var shown = parts
        if password?.isEmpty == false { shown.password = "***" }
        redacted = shown.string ?? "\(self.scheme):"
    }

    package subscript(_ name: String) -> String? { query[name] }

    /// A whole number above zero, or `fallback` when the name is absent.
    package func positive(_ name: String, fallback: Int64) throws(StoreError) -> Int64 {
        guard let value = query[name] else { return fallback }
        guard let number = Int64(value), number > 0 else {
            throw .invalid("\(name)=\(value) in '\(redacted)' is not a whole number above zero")
        }
        return number
    }

    /// `true` or `false`; false when the name is absent.
    package func flag(_ name: String) throws(StoreError) -> Bool {
        switch query[name] {
        case nil, "false": return false
        case "true": return true
        case let value?: throw .invalid("\(name)=\(value) in '\(redacted)' is neither true nor false")
        }
    }

    /// Fails on a query name that is not among `known`.
    package func allow(_ known: [String]) throws(StoreError) {
        for name in query.keys.sorted() where !known.contains(name) {
            let names = known.isEmpty ? "none" : known.joined(separator: ", ")
            throw .invalid("'\(redacted)': unknown setting '\(name)'; known are: \(names)")
        }
    }
}
