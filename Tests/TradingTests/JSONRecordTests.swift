import Testing
import Trading

@Suite struct JSONRecordTests {
    private let id = "2ed6657d-e927-568b-95e1-2665a8aea6a2"

    private func order(_ json: String) throws -> Order {
        try Order.decode(Array(json.utf8))
    }

    private func json(_ extra: String = "", limit: String = "", quantity: String = "10") -> String {
        """
        {"orderId":"\(id)","userId":"alice","symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":\(quantity)\
        \(limit),"placedAt":1700000000000\(extra)}
        """
    }

    @Test func theWireFormIsTheContracts() throws {
        let order = Samples.order(kind: .limit(Samples.price("189.25")))
        let text = String(decoding: order.encoded(), as: UTF8.self)
        #expect(
            text == """
                {"orderId":"\(order.orderID)","userId":"alice","symbol":"AAPL","side":"BUY","type":"LIMIT",\
                "quantity":10,"limitPrice":"189.25","placedAt":1700000000000}
                """)
        let tick = PriceTick(symbol: Samples.apple, price: Samples.price("1"), seq: 7, timestampMillis: -1)
        #expect(String(decoding: tick.encoded(), as: UTF8.self) == #"{"symbol":"AAPL","price":"1.00","seq":7,"ts":-1}"#)
        #expect(String(decoding: tick.pricedAt.encoded(), as: UTF8.self) == #"{"price":"1.00","seq":7,"ts":-1}"#)
    }

    @Test func everyRecordIsReadBack() throws {
        let portfolio = Portfolio(cash: Money(units: .max))
        for kind in [
            OrderKind.market, .limit(Samples.price("0.0001")), .limit(Price(units: -5)), .senseless(.limit, limitPrice: nil),
            .senseless(.limit, limitPrice: "é\"\\\n\u{1F600}"), .senseless(.market, limitPrice: "2.00"),
        ] {
            let order = Samples.order(.sell, -3, kind: kind)
            #expect(try Order.decode(order.encoded()) == order)
            let rejection = Rejection(of: order, reason: .limitNotMet, detail: "a\u{1}\t\"q\" é", rejectedAtMillis: .min)
            #expect(try Rejection.decode(rejection.encoded()) == rejection)
            let bytes = Outcome.rejection(rejection).encodeBinary()
            #expect(try bytes.withUnsafeBytes { try Outcome.decodeBinary($0) } == .rejection(rejection))
        }
        let trade = try portfolio.apply(Samples.order(), at: Samples.price("12.3456"), executedAtMillis: 5).get().trade
        #expect(try Trade.decode(trade.encoded()) == trade)
        let bytes = Outcome.trade(trade).encodeBinary()
        #expect(try bytes.withUnsafeBytes { try Outcome.decodeBinary($0) } == .trade(trade))
        let tick = PriceTick(symbol: Samples.apple, price: Price(units: .max), seq: .max, timestampMillis: .min)
        #expect(try PriceTick.decode(tick.encoded()) == tick)
        #expect(try PricedAt.decode(tick.pricedAt.encoded()) == tick.pricedAt)
    }

    @Test func anyOrderOfFieldsBlanksEscapesAndUnknownFieldsAreRead() throws {
        let text = """
             \t\r\n{ "x" : {"a":[1,-2.5e+3,null,{"b":"\\u00e9\\ud83d\\ude00"}],"":true} , "placedAt" :5,
            "quantity":-0,"type":"MARKET","s\\u0069de":"SE\\u004cL","symbol":"A\\u0041","userId":"bob",
            "orderId":"\(id)", "limitPrice":null }
            """
        let order = try order(text)
        #expect(order.side == .sell)
        #expect(order.symbol == Symbol("AA"))
        #expect(order.quantity == 0)
        #expect(order.kind == .market)
        #expect(order.placedAtMillis == 5)
    }

    /// Shape and sense are two things: these decode, and `validate` tells why they are refused.
    @Test func senselessOrdersDecode() throws {
        #expect(try order(json(limit: "")).validate() == .limitPriceMissing)
        #expect(try order(json(limit: #","limitPrice":"1.23456""#)).validate() == .limitPriceMalformed(.tooManyPlaces))
        #expect(try order(json(limit: #","limitPrice":"-1""#)).validate() == .limitPriceNotPositive)
        #expect(try order(json(limit: #","limitPrice":"x""#)).validate() == .limitPriceMalformed(.notDecimal))
        #expect(try order(json(limit: #","limitPrice":"1""#, quantity: "0")).validate() == .quantityNotPositive)
        #expect(try order(json(limit: #","limitPrice":"1""#, quantity: "1000000001")).validate() == .quantityTooLarge)
        #expect(try order(json(limit: #","limitPrice":"1""#, quantity: "1000000000")).validate() == nil)
    }

    @Test(
        arguments: [
            (#"{"#, DecodingFailure.Problem.malformedJSON), ("", .malformedJSON), ("[]", .malformedJSON), ("{}", .missingField),
            (#"{"symbol":"A","price":"1","seq":1}"#, .missingField),
            (#"{"symbol":"A","price":"1","seq":1,"ts":1} x"#, .malformedJSON),
            (#"{"symbol":"A","price":"1","seq":1,"ts":1,}"#, .malformedJSON),
            (#"{"symbol":"A","price":"1","seq":1,"ts":1,"seq":1}"#, .duplicateField),
            (#"{"symbol":"A","price":1,"seq":1,"ts":1}"#, .wrongType),
            (#"{"symbol":"A","price":"1","seq":"1","ts":1}"#, .wrongType),
            (#"{"symbol":"A","price":"1","seq":1.0,"ts":1}"#, .wrongType),
            (#"{"symbol":"A","price":"1","seq":1e2,"ts":1}"#, .wrongType),
            (#"{"symbol":"A","price":"1","seq":01,"ts":1}"#, .malformedJSON),
            (#"{"symbol":"A","price":"1","seq":-,"ts":1}"#, .malformedJSON),
            (#"{"symbol":"A","price":"1","seq":9223372036854775808,"ts":1}"#, .wrongType),
            (#"{"symbol":"A","price":"1","seq":99999999999999999999999,"ts":1}"#, .wrongType),
            (#"{"symbol":"a","price":"1","seq":1,"ts":1}"#, .malformedValue),
            (#"{"symbol":"A","price":"1.00000","seq":1,"ts":1}"#, .malformedValue),
            ("{\"symbol\":\"A\",\"price\":\"1\",\"seq\":1,\"ts\":1,\"x\":\"\u{1}\"}", .malformedJSON),
            (#"{"symbol":"A","price":"1","seq":1,"ts":1,"x":"\ud800"}"#, .malformedJSON),
            (#"{"symbol":"A","price":"1","seq":1,"ts":1,"x":"\q"}"#, .malformedJSON),
            (#"{"symbol":"A","price":"1","seq":1,"ts":1,"x":[1,]}"#, .malformedJSON),
            (#"{"symbol":"A","price":"1","seq":1,"ts":1,"x":nul}"#, .malformedJSON),
            (#"{'symbol':"A"}"#, .malformedJSON),
        ] as [(String, DecodingFailure.Problem)])
    func otherBytesAreRefused(_ text: String, _ problem: DecodingFailure.Problem) {
        let failure = #expect(throws: DecodingFailure.self) { try PriceTick.decode(Array(text.utf8)) }
        #expect(failure?.problem == problem, "\(text)")
    }

    @Test func extremesOfSixtyFourBitsAreRead() throws {
        let text = #"{"symbol":"A","price":"1","seq":9223372036854775807,"ts":-9223372036854775808}"#
        let tick = try PriceTick.decode(Array(text.utf8))
        #expect(tick.seq == .max)
        #expect(tick.timestampMillis == .min)
    }

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) -> [UInt8] {
            let open = String(repeating: "[", count: depth)
            let close = String(repeating: "]", count: depth)
            return Array(#"{"x":\#(open)\#(close),"symbol":"A","price":"1","seq":1,"ts":1}"#.utf8)
        }
        _ = try PriceTick.decode(nested(32))
        let failure = #expect(throws: DecodingFailure.self) { try PriceTick.decode(nested(33)) }
        #expect(failure?.problem == .tooDeep)
        #expect(throws: DecodingFailure.self) { try PriceTick.decode(nested(1_000_000)) }
    }

    @Test(
        arguments: [
            [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80], [0xC3], [0xE2, 0x82], [0xFF],
        ] as [[UInt8]])
    func malformedUTF8IsRefused(_ bytes: [UInt8]) {
        let text = Array(#"{"x":""#.utf8) + bytes + Array(#"","symbol":"A","price":"1","seq":1,"ts":1}"#.utf8)
        #expect(throws: DecodingFailure.self) { try PriceTick.decode(text) }
    }

    @Test func aTradeThatDoesNotAddUpIsRefused() throws {
        let trade = try Portfolio(cash: Money(units: .max)).apply(Samples.order(), at: Samples.price("2"), executedAtMillis: 5)
            .get().trade
        let text = String(decoding: trade.encoded(), as: UTF8.self).replacing("\"20.00\"", with: "\"20.01\"")
        let failure = #expect(throws: DecodingFailure.self) { try Trade.decode(Array(text.utf8)) }
        #expect(failure?.field == "notional")
    }
}
