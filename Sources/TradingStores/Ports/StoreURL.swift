import Foundation

/// A store's URL taken apart: `scheme://host:port/path?name=value`. Every adapter says which query names it
/// knows; an unknown one is an error, not a typing mistake that goes unnoticed.
struct StoreURL {
    let scheme: String
    let host: String
    let port: Int?
    let user: String?
    let password: String?
    let path: String
    private let query: [String: String]
    private let text: String

    init(_ text: String) throws(StoreError) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme else {
            throw .invalid("'\(text)' is not a URL such as rocksdb:///path")
        }
        self.text = text
        self.scheme = scheme.lowercased()
        host = parts.host ?? ""
        port = parts.port
        user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
        password = parts.password
        path = parts.path
        var query: [String: String] = [:]
        for item in parts.queryItems ?? [] { query[item.name] = item.value ?? "" }
        self.query = query
    }

    subscript(_ name: String) -> String? { query[name] }

    /// A whole number above zero, or `fallback` when the name is absent.
    func positive(_ name: String, fallback: Int64) throws(StoreError) -> Int64 {
        guard let value = query[name] else { return fallback }
        guard let number = Int64(value), number > 0 else {
            throw .invalid("\(name)=\(value) in '\(redacted)' is not a whole number above zero")
        }
        return number
    }

    /// Fails on a query name that is not among `known`.
    func allow(_ known: [String]) throws(StoreError) {
        for name in query.keys.sorted() where !known.contains(name) {
            let names = known.isEmpty ? "none" : known.joined(separator: ", ")
            throw .invalid("'\(redacted)': unknown setting '\(name)'; known are: \(names)")
        }
    }

    /// The URL without its password.
    var redacted: String {
        guard let password, !password.isEmpty else { return text }
        return text.replacingOccurrences(of: ":\(password)@", with: ":***@")
    }
}
