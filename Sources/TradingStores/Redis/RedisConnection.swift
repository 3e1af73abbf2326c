import CHiredis
import Foundation

/// One connection to Redis through hiredis' blocking interface: the only place that touches it. Confined to
/// the thread that made it. Every wait is bounded by the time-outs given.
final class RedisConnection {
    /// Where and how long.
    struct Address: Sendable {
        var host: String
        var port: Int32
        var user: String?
        var password: String?
        var database: Int
        var connectTimeoutMillis: Int
        var commandTimeoutMillis: Int
    }

    /// A reply, taken over from hiredis.
    enum Reply {
        case text([UInt8])
        case integer(Int64)
        case array([Reply])
        case none
        /// The server's own words, such as `NOSCRIPT …`.
        case refusal(String)
    }

    private let context: UnsafeMutablePointer<redisContext>
    private let address: Address

    /// Connects, authenticates and selects the database.
    init(_ address: Address) throws(StoreError) {
        self.address = address
        let place = "\(address.host):\(address.port)"
        let timeout = RedisConnection.seconds(address.connectTimeoutMillis)
        guard let made = redisConnectWithTimeout(address.host, address.port, timeout) else {
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

    private func greet(_ command: [String]) throws(StoreError) {
        append(command.map { Array($0.utf8) })
        if case .refusal(let words) = try reply() {
            throw .invalid("redis \(address.host):\(address.port) refused \(command[0]): \(words)")
        }
    }

    /// Puts a command into the output buffer; nothing is sent before `reply`.
    func append(_ command: [[UInt8]]) {
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
    func reply() throws(StoreError) -> Reply {
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

    private static func copy(_ reply: UnsafeMutablePointer<redisReply>) -> Reply {
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

    private static func errorText(_ context: UnsafeMutablePointer<redisContext>) -> String {
        withUnsafeBytes(of: &context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
