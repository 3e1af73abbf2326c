import Foundation
import Synchronization

/// A port of the loopback address that nobody uses, for a server that cannot be asked for one itself. It lies below those that
/// systems give to outgoing connections and to whoever asks for any, and is given once in a process: so it is still free when the
/// server begins to listen.
public func freePort() throws -> Int {
    for _ in 0..<1000 {
        let port = UInt16.random(in: 10_000..<32_000)
        if given.withLock({ $0.insert(port).inserted }), isFree(port) { return Int(port) }
    }
    throw NoFreePort()
}

public struct NoFreePort: Error {}

private let given = Mutex<Set<UInt16>>([])

private func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
