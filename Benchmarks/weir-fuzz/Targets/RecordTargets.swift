import Jobs
import StreamRuntime
import TraceContext
import Trading
import TradingStores

// Records of topics, values of stores, headers.
extension FuzzTarget {
    static func records() -> [FuzzTarget] { [recordJSON, recordBinary, traceHeaders] }

    private static let orderJSON =
        #"{"orderId":"6a3c7d40-55b1-5e0a-9b5e-0f4c21d78e13","userId":"alice","symbol":"ACME","side":"BUY","type":"LIMIT","quantity":10,"limitPrice":"189.25","placedAt":1700000000000}"#
    private static let tradeJSON =
        #"{"tradeId":"6a3c7d40-55b1-5e0a-9b5e-0f4c21d78e13","orderId":"6a3c7d40-55b1-5e0a-9b5e-0f4c21d78e14","userId":"alice","symbol":"ACME","side":"SELL","quantity":2,"price":"1.5","notional":"3.00","executedAt":1}"#

    /// Every decoder of JSON records gets every input.
    private static let recordJSON = FuzzTarget(
        "record-json",
        texts: [
            orderJSON, tradeJSON, #"{"symbol":"ACME","price":"189.2501","seq":7,"ts":1700000000000}"#,
            #"{"orderId":"6a3c7d40-55b1-5e0a-9b5e-0f4c21d78e13","userId":"b","symbol":"A","side":"BUY","quantity":0,"reason":"STALE_PRICE","detail":"a \"b\" \u00e9\ud83d\ude00","rejectedAt":3}"#,
            #"{"symbol":"ACME","side":"BUY","type":"MARKET","quantity":3}"#,
        ],
        words: [
            "\\u0022", "\\ud83d\\ude00", "\\ud83d", "null", "-0", "1e5", "[[[[", "{\"a\":", "\u{FFFD}", "\"limitPrice\":null",
            "9223372036854775807", "-9223372036854775808", "922337203685477.5807", "\"quantity\"", "\\", "\"",
        ]
    ) { text in
        let bytes = Array(text.utf8)
        var failures: [DecodingFailure] = []
        try attempt(&failures) { () throws(DecodingFailure) in
            try Order.decode(bytes)
        } then: { order in
            _ = order.validate()
            try requireSame(order, try Order.decode(order.encoded()))
            try trade(order)
        }
        try attempt(&failures) { () throws(DecodingFailure) in
            try Trade.decode(bytes)
        } then: { trade in
            try requireSame(trade, try Trade.decode(trade.encoded()))
            _ = Portfolio(cash: Money(units: .max)).applying(trade)
        }
        try attempt(&failures) { () throws(DecodingFailure) in
            try Rejection.decode(bytes)
        } then: {
            try requireSame($0, try Rejection.decode($0.encoded()))
        }
        try attempt(&failures) { () throws(DecodingFailure) in
            try PriceTick.decode(bytes)
        } then: {
            _ = $0.validate()
            try requireSame($0, try PriceTick.decode($0.encoded()))
        }
        try attempt(&failures) { () throws(DecodingFailure) in
            try PricedAt.decode(bytes)
        } then: {
            try requireSame($0, try PricedAt.decode($0.encoded()))
        }
        try attempt(&failures) { () throws(DecodingFailure) in
            try OrderDraft.decode(bytes)
        } then: { _ in
        }
        if failures.count == 6, let first = failures.first { throw first }
    }

    /// A refusal is counted, anything that goes wrong with what was read is not.
    private static func attempt<Value>(
        _ failures: inout [DecodingFailure], _ decode: () throws(DecodingFailure) -> Value, then: (Value) throws -> Void
    ) throws {
        let value: Value
        do throws(DecodingFailure) { value = try decode() } catch { return failures.append(error) }
        do { try then(value) } catch let error as DecodingFailure {
            throw Broken("what was written of \(value) is refused: \(error)")
        }
    }

    private static func trade(_ order: Order) throws {
        for price in [1, Int64.max] {
            _ = Portfolio(cash: Money(units: .max)).apply(order, at: Price(units: price), executedAtMillis: order.placedAtMillis)
        }
    }

    // MARK: Binary

    private static let trade = Trade(
        tradeID: TradeID(UUIDValue(high: 1, low: 2)), orderID: OrderID(UUIDValue(high: 3, low: 4)), userID: holder,
        symbol: share, side: .sell, quantity: 2, price: Price(units: 15_000), notional: Money(units: 30_000),
        executedAtMillis: 1)
    // These follow the rules of names.
    private static let holder = UserID("alice")!
    private static let share = Symbol("ACME")!

    private static let recordBinary = FuzzTarget("record-binary", examples: binaryExamples) { bytes in
        guard let chosen = bytes.first else { return }
        try bytes.dropFirst().withUnsafeBytes { rest in
            switch chosen % 4 {
            case 0:
                let outcome = try Outcome.decodeBinary(rest)
                try requireSame(outcome, try outcome.encodeBinary().withUnsafeBytes { try Outcome.decodeBinary($0) })
            case 1:
                let portfolio = try Portfolio.decodeBinary(rest)
                try requireSame(portfolio, try portfolio.encodeBinary().withUnsafeBytes { try Portfolio.decodeBinary($0) })
                for quantity in [1, 2, Int64.max] {
                    let order = Order(
                        orderID: trade.orderID, userID: trade.userID, symbol: trade.symbol, side: quantity == 1 ? .buy : .sell,
                        kind: .market, quantity: quantity, placedAtMillis: 0)
                    _ = portfolio.apply(order, at: Price(units: 1), executedAtMillis: 0)
                }
            case 2:
                let record = try ExecutionRecord.decodeBinary(rest)
                try requireSame(record, try record.encodeBinary().withUnsafeBytes { try ExecutionRecord.decodeBinary($0) })
            default:
                var reader = ByteReader(rest)
                let incoming = try IncomingOrder(from: &reader)
                var writer = ByteWriter()
                incoming.encode(into: &writer)
                try requireSame(
                    incoming,
                    try writer.withBytes { bytes in
                        var reader = ByteReader(bytes)
                        return try IncomingOrder(from: &reader)
                    })
            }
        }
    }

    private static var binaryExamples: [[UInt8]] {
        let source = SourcePosition(topic: "orders", partition: 1, offset: 7)
        var incoming = ByteWriter()
        if let order = try? Order.decode(Array(orderJSON.utf8)) {
            IncomingOrder(order: order, position: source, trace: TraceHeaders(traceparent: "00-a")).encode(into: &incoming)
        }
        let portfolio = Portfolio(
            cash: Money(units: 100), holdings: [trade.symbol: Holding(quantity: 3, cost: Money(units: 9))], version: 4)
        let record = ExecutionRecord(outcome: .trade(trade), source: source, expiresAtMillis: 9)
        return [
            [0] + Outcome.trade(trade).encodeBinary(), [1] + portfolio.encodeBinary(), [2] + record.encodeBinary(),
            [3] + incoming.bytes,
        ]
    }

    // MARK: Headers

    /// Two header values, a line each.
    private static let traceHeaders = FuzzTarget(
        "trace-headers",
        texts: [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\nrojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-later\n",
        ], words: ["ff-", "-", "00000000000000000000000000000000", ",", "=", "a@b=c"]
    ) { text in
        let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).map { Array($0.utf8) }
        let headers = lines[0].withUnsafeBytes { parent in
            (lines.count > 1 ? lines[1] : []).withUnsafeBytes { state in
                TraceHeaders(traceparent: parent, tracestate: state)
            }
        }
        guard let parent = headers.traceparent else { return }
        guard let context = SpanContext(traceparent: parent, tracestate: headers.tracestate) else {
            throw Broken("'\(parent)' was taken, and is not read again")
        }
        try requireSame(context, SpanContext(traceparent: context.traceparent, tracestate: context.state))
        _ = (headers.traceID, headers.fields.count, headers.context)
    }
}
