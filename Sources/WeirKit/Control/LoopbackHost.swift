/// Host headers that name this machine from within. A page from elsewhere can point a name of its own at this machine and then
/// ask, as far as the browser is concerned, its own server: the Host tells such a request from one that is meant.
package enum LoopbackHost {
    /// `host`: with or without a port.
    package static func isNamed(by host: String) -> Bool {
        let name: Substring
        if host.hasPrefix("[") {
            name = host.prefix { $0 != "]" }.dropFirst()
        } else {
            name = host.prefix { $0 != ":" }
        }
        return name == "localhost" || name == "::1" || isLoopbackV4(name)
    }

    /// Whether an address to bind is one that only this machine reaches.
    package static func isAddress(_ address: String) -> Bool { isNamed(by: address.contains(":") ? "[\(address)]" : address) }

    private static func isLoopbackV4(_ name: Substring) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
