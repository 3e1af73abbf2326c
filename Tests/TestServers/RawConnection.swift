import Foundation

/// A TCP connection on which a test writes exactly the bytes it means. Blocking calls run on Dispatch's threads: on
/// Swift's own they would take the servers' place.
public final class RawConnection: Sendable {
    private let descriptor: Int32

    public struct NotConnected: Error { public let port: Int }

    public init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw NotConnected(port: port)
        }
        // A test that waits for bytes that never come, or that nobody takes, fails instead of hanging.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { close(descriptor) }

    /// False when the other side has closed.
    @discardableResult
    public func write(_ text: String) async -> Bool { await write(Array(text.utf8)) }

    @discardableResult
    public func write(_ bytes: [UInt8]) async -> Bool {
        await blocking { [descriptor] in
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    /// What comes until the other side closes, or for `until` to be in it.
    public func read(until mark: String? = nil) async -> String {
        await blocking { [descriptor] in
            var text = ""
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while mark.map({ !text.contains($0) }) ?? true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                text += String(decoding: buffer[..<count], as: UTF8.self)
            }
            return text
        }
    }

    private func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { done in DispatchQueue.global().async { done.resume(returning: body()) } }
    }
}
