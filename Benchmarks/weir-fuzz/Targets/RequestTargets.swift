import ControlPlane
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Services
import Trading
import TradingStores
import WeirKit

// What HTTP clients send.
extension FuzzTarget {
    static func requests() -> [FuzzTarget] { [query, controlBodies] }

    // Follows the rule.
    private static let user = UserID("alice")!

    /// The query of a request, read by each of the routes that take one.
    private static let query = FuzzTarget(
        "query",
        texts: [
            "symbol=ACME&side=BUY&from=2026-01-31T12%3A00%3A00Z&to=2026-02-01T00:00:00Z&q=some+words&limit=20",
            "cursor="
                + PageCursor.text(
                    TradeCursor(executedAtMillis: 1_700_000_000_000, tradeID: TradeID(UUIDValue(high: 1, low: 2))),
                    of: TradeQuery(user: user)),
            "symbol=ACME&interval=4h&from=2026-01-01T00:00:00Z", "by=volume&limit=50",
        ],
        words: [
            "%", "%00", "%ff", "%C3%A9", "+", "&", "=", "&&", "limit=-1", "cursor=", "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2026-02-30T24:61:61+99:99",
        ]
    ) { text in
        let request = Request(
            head: HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/v1/trades?\(text)"),
            body: .init(buffer: ByteBuffer()))
        _ = RequestRules.isCanonical(text)
        let trades = Result { () throws(Problem) in try TradeSearch.query(request, user) }
        let volume = Result { () throws(Problem) in try VolumeSearch.query(request, nowMillis: 1_700_000_000_000) }
        if case .success(var query) = trades, let after = query.after {
            query.after = nil
            try requireSame(after, PageCursor.cursor(PageCursor.text(after, of: query), of: query))
        }
        if case .failure(let problem) = trades, case .failure = volume { throw problem }
    }

    private static let controlBodies = FuzzTarget(
        "control-bodies",
        texts: [
            #"{"name":"count","executable":"/bin/true","workingDirectory":"/tmp","settings":{"parallelism":"2","restart.delay":"1s"},"secrets":{},"startArguments":["--accept-replay"]}"#,
            #"{"process":{"pid":1,"start":"2"},"host":"127.0.0.1","port":80}"#, "localhost:8081", "[::1]:80",
        ], words: ["null", "\"job.id\":\"x\"", "--from-savepoint", "\\u0000", "127.0.0.1", "]", "{\"a\":", "[[[["]
    ) { text in
        _ = LoopbackHost.isNamed(by: text)
        _ = AccessRule(token: nil).refusal(method: .post, host: text, origin: "http://\(text)", authorization: text)
        _ = try? JSONDecoder().decode(ControlFile.self, from: Data(text.utf8))
        _ = try? JSONDecoder().decode(JobSnapshot.self, from: Data(text.utf8))
        let submission = try JSONDecoder().decode(Submission.self, from: Data(text.utf8))
        try submission.check()
        _ = (try submission.jobID(), try submission.restartStrategy())
    }
}
