import CHiredis
import Foundation
import StoreKit

/// Replies nobody asked for: what a subscribed connection is for.
extension RedisConnection {
    /// Sends what `append` has buffered.
    package func flush() throws(StoreError) {
        var isDone: Int32 = 0
        while isDone == 0 {
            guard redisBufferWrite(context, &isDone) == REDIS_OK else { throw lost() }
        }
    }

    /// The replies that arrive within `millis`: those of one read, none when nothing came.
    package func arrivals(withinMillis millis: Int32) throws(StoreError) -> [Reply] {
        var descriptor = pollfd(fd: context.pointee.fd, events: Int16(POLLIN), revents: 0)
        let ready = poll(&descriptor, 1, millis)
        if ready < 0, errno != EINTR { throw .unavailable("redis: poll failed: \(String(cString: strerror(errno)))") }
        guard ready > 0 else { return [] }
        guard redisBufferRead(context) == REDIS_OK else { throw lost() }
        var replies: [Reply] = []
        while true {
            var raw: UnsafeMutableRawPointer?
            guard redisReaderGetReply(context.pointee.reader, &raw) == REDIS_OK else { throw lost() }
            guard let raw else { return replies }
            defer { freeReplyObject(raw) }
            replies.append(RedisConnection.copy(raw.assumingMemoryBound(to: redisReply.self)))
        }
    }

    private func lost() -> StoreError {
        .unavailable("redis \(address.host):\(address.port): \(RedisConnection.errorText(context))")
    }
}
