import HTTPTypes

/// Whether a request names its host as RFC 9112, section 3.2, wants it: once, and by what can be one. Pure.
package enum HostRule {
    private static let hostField = HTTPField.Name("host")

    /// Why the request is refused; nil when it is not. (A request of HTTP/1.0 need not name one: `AddressAsHost`.)
    package static func refusal(_ request: HTTPRequest) -> String? {
        // The first host field became the authority.
        let others = hostField.map { request.headerFields[values: $0] } ?? []
        return refusal(hosts: [request.authority].compactMap { $0 } + others)
    }

    package static func refusal(hosts: [String]) -> String? {
        guard let host = hosts.first else { return "There is no host field." }
        guard hosts.count == 1 else { return "There is more than one host field." }
        return isHost(host) ? nil : "The host field is no name or address, with or without a port."
    }

    package static func isHost(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        let port: ArraySlice<UInt8>
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")), isAddressV6(bytes[1..<end]) else { return false }
            port = bytes[(end + 1)...]
        } else {
            let name = bytes.prefix { $0 != UInt8(ascii: ":") }
            guard !name.isEmpty, URICharacters.areEncoded(name) else { return false }
            port = bytes[name.endIndex...]
        }
        return port.isEmpty || port.first == UInt8(ascii: ":") && port.dropFirst().allSatisfy(isDigit)
    }

    /// By its characters.
    private static func isAddressV6(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.contains(UInt8(ascii: ":"))
            && bytes.allSatisfy { URICharacters.isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
