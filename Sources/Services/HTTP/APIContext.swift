import Foundation
import Hummingbird
import Logging
import NIOCore
import Synchronization
import TraceContext
import Trading

/// What accompanies one request through middleware and handlers.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    package let channel: any Channel
    /// As the client sent it if well-formed, else made; in the log, the answer, and every call made for the request.
    package var requestID = ""
    /// What to hand on with calls and records made for the request.
    package var trace = TraceHeaders()
    /// Whom the request acts for; set once that is proven.
    package var user: UserID? {
        didSet { note("userId", user?.text) }
    }
    private let notes = Notes()

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Puts a field into the request's log line.
    package func note(_ name: String, _ value: String?) {
        notes.fields.withLock { $0[name] = value }
    }

    var noted: [String: String] { notes.fields.withLock { $0 } }

    /// For lines about the request, which say all that is noted of it.
    package var log: Logger {
        var log = logger
        for (name, value) in noted { log[metadataKey: name] = "\(value)" }
        return log
    }

    /// One for all copies of the context.
    private final class Notes: Sendable {
        let fields = Mutex<[String: String]>([:])
    }
}

/// Names of requests.
enum RequestIDs {
    /// `text` if it is 8 to 64 of `[A-Za-z0-9._-]`, else a fresh one: what a client sends goes into the log.
    static func accept(_ text: String?) -> String {
        if let text, (8...64).contains(text.utf8.count), text.utf8.allSatisfy(isPlain) { return text }
        return fresh()
    }

    /// 32 hex digits of a random UUID.
    private static func fresh() -> String { UUID().uuidString.lowercased().replacing("-", with: "") }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
