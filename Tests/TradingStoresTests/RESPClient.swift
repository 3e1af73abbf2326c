import Foundation
import Trading
import TradingStores

/// A second, independent client of the test's Redis: what a store did is looked at from outside. Blocking,
/// every wait at most two seconds.
final class RESPClient {
    private let socket: Int32

    init() throws {
        let address = try serverAddress("WEIR_TEST_REDIS_URL")
        guard let url = URL(string: address), let host = url.host, let port = url.port else {
            throw MissingServer(variable: "WEIR_TEST_REDIS_URL", detail: "is not of the form redis://host:port")
        }
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = UInt16(port).bigEndian
        inet_pton(AF_INET, host, &place.sin_addr)
        let result = withUnsafeBytes(of: &place) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { pointer in
                connect(socket, pointer.baseAddress, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 { throw MissingServer(variable: "WEIR_TEST_REDIS_URL", detail: "names a server that is away") }
    }

    deinit {
        close(socket)
    }

    /// Sends a command and gives back what the server says within one read, markers and all.
    func command(_ arguments: String...) -> String {
        var text = "*\(arguments.count)\r\n"
        for argument in arguments { text += "$\(argument.utf8.count)\r\n\(argument)\r\n" }
        _ = text.withCString { send(socket, $0, strlen($0), 0) }
        return hear()
    }

    /// The next bytes the server says; empty when it says nothing.
    func hear() -> String {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
