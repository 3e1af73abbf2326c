import CHiredis
import Foundation
import StoreKit

/// One connection to Redis through hiredis' blocking interface: the only place that touches it. Confined to
/// the thread that made it. Every wait is bounded by the time-outs given.
package final class RedisConnection {
    /// Where and how long.
    package struct Address: Sendable {
        package var host: String
        package var port: Int32
        package var user: String?
        package var password: String?
        package var database: Int
        /// Nil: in clear.
        package var tls: TLS?
        package var connectTimeoutMillis: Int
        package var commandTimeoutMillis: Int

        package init(
            host: String, port: Int32, user: String? = nil, password: String? = nil, database: Int = 0, tls: TLS? = nil,
            connectTimeoutMillis: Int = 1_000, commandTimeoutMillis: Int = 2_000
        ) {
            self.host = host
            self.port = port
            self.user = user
            self.password = password
            self.database = database
            self.tls = tls
            self.connectTimeoutMillis = connectTimeoutMillis
            self.commandTimeoutMillis = commandTimeoutMillis
        }
    }

    /// How the server is trusted.
    package struct TLS: Sendable {
        /// Certificates (PEM) of the authorities that may vouch for it; nil: the system's.
        package var trustFile: String?

        package init(trustFile: String? = nil) { self.trustFile = trustFile }
    }

    /// A reply, taken over from hiredis.
    package enum Reply {
        case text([UInt8])
        case integer(Int64)
        case array([Reply])
        case none
        /// The server's own words, such as `NOSCRIPT …`.
        case refusal(String)
    }

    let context: UnsafeMutablePointer<redisContext>
    let address: Address

    /// Connects, authenticates and selects the database.
    package init(_ address: Address) throws(StoreError) {
        self.address = address
        let place = "\(address.host):\(address.port)"
        guard let made = try RedisConnection.open(address) else {
            throw .unavailable("redis \(place): out of memory")
        }
        context = made
        if made.pointee.err != 0 {
            throw .unavailable("redis \(place): \(RedisConnection.errorText(made))")
        }
        redisSetTimeout(made, RedisConnection.seconds(address.commandTimeoutMillis))
        if let password = address.password {
            try greet(["AUTH"] + (address.user.map { [$0] } ?? []) + [password])
        }
        if address.database != 0 { try greet(["SELECT", String(address.database)]) }
    }

    deinit {
        redisFree(context)
    }

    private static func open(_ address: Address) throws(StoreError) -> UnsafeMutablePointer<redisContext>? {
        guard let tls = address.tls else {
            return redisConnectWithTimeout(address.host, address.port, seconds(address.connectTimeoutMillis))
        }
        let descriptor = try RedisTLS.connect(address, trustFile: tls.trustFile)
        guard let made = redisConnectFd(descriptor) else {
            close(descriptor)
            return nil
        }
        return made
    }

    private func greet(_ command: [String]) throws(StoreError) {
        append(command.map { Array($0.utf8) })
        if case .refusal(let words) = try reply() {
            let text = "redis \(address.host):\(address.port) refused \(command[0]): \(words)"
            throw RedisRefusal.isPassing(words) ? .unavailable(text) : .invalid(text)
        }
    }

    /// Puts a command into the output buffer; nothing is sent before `reply`.
    package func append(_ command: [[UInt8]]) {
        var lengths: [Int] = []
        var flat: [UInt8] = []
        for argument in command {
            lengths.append(argument.count)
            flat.append(contentsOf: argument)
        }
        flat.withUnsafeMutableBufferPointer { bytes in
            // hiredis wants an address even of an empty argument: there is none, every key and value has bytes.
            var arguments: [UnsafePointer<CChar>?] = []
            var offset = 0
            for length in lengths {
                let start = bytes.baseAddress.map { UnsafeRawPointer($0 + offset) }
                arguments.append(start?.assumingMemoryBound(to: CChar.self))
                offset += length
            }
            _ = redisAppendCommandArgv(context, Int32(command.count), &arguments, &lengths)
        }
    }

    /// Sends what is buffered and reads the next reply, in the order of the commands.
    package func reply() throws(StoreError) -> Reply {
        var raw: UnsafeMutableRawPointer?
        errno = 0
        guard redisGetReply(context, &raw) == REDIS_OK, let raw else {
            let place = "redis \(address.host):\(address.port)"
            let isTimeout = context.pointee.err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK)
            if isTimeout { throw .timeout("\(place): no answer within \(address.commandTimeoutMillis) ms") }
            throw .unavailable("\(place): \(RedisConnection.errorText(context))")
        }
        defer { freeReplyObject(raw) }
        return RedisConnection.copy(raw.assumingMemoryBound(to: redisReply.self))
    }

    static func copy(_ reply: UnsafeMutablePointer<redisReply>) -> Reply {
        switch reply.pointee.type {
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS:
            return .text(bytes(reply))
        case REDIS_REPLY_INTEGER:
            return .integer(reply.pointee.integer)
        case REDIS_REPLY_ERROR:
            return .refusal(String(decoding: bytes(reply), as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            var elements: [Reply] = []
            for index in 0..<Int(reply.pointee.elements) {
                elements.append(reply.pointee.element[index].map(copy) ?? .none)
            }
            return .array(elements)
        default:
            return .none
        }
    }

    private static func bytes(_ reply: UnsafeMutablePointer<redisReply>) -> [UInt8] {
        guard let start = reply.pointee.str else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(reply.pointee.len)))
    }

    private static func seconds(_ millis: Int) -> timeval {
        Foundation.timeval(tv_sec: millis / 1000, tv_usec: millis % 1000 * 1000)
    }

    static func errorText(_ context: UnsafeMutablePointer<redisContext>) -> String {
        withUnsafeBytes(of: &context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
