import Testing
import Trading

@Suite struct FixedPointTests {
    @Test(
        arguments: [
            ("0", 0), ("0.0001", 1), ("189.25", 1_892_500), ("1", 10_000), ("-3", -30_000), ("-0.5", -5_000),
            ("922337203685477.5807", Int64.max), ("-922337203685477.5807", -Int64.max), ("12.3400", 123_400),
        ] as [(String, Int64)])
    func textsAreRead(_ text: String, _ units: Int64) throws {
        #expect(try Money(text).units == units)
    }

    @Test(
        arguments: [
            ("", DecimalFault.notDecimal), ("-", .notDecimal), (".5", .notDecimal), ("5.", .notDecimal),
            ("+1", .notDecimal), ("01", .notDecimal), ("1e3", .notDecimal), (" 1", .notDecimal), ("1 ", .notDecimal),
            ("1,5", .notDecimal), ("1.2.3", .notDecimal), ("NaN", .notDecimal), ("--1", .notDecimal), ("٣", .notDecimal),
            ("1.00000", .tooManyPlaces), ("1.23456", .tooManyPlaces),
            ("922337203685477.5808", .overflow), ("99999999999999999999999999", .overflow), ("1000000000000000", .overflow),
        ] as [(String, DecimalFault)])
    func otherTextsAreRefused(_ text: String, _ fault: DecimalFault) {
        #expect(throws: fault) { try Money(text) }
        #expect(throws: fault) { try Price(text) }
    }

    @Test(
        arguments: [
            (0, "0.00"), (1, "0.0001"), (10, "0.001"), (100, "0.01"), (1_892_500, "189.25"), (1_892_510, "189.251"),
            (-5_000, "-0.50"), (Int64.max, "922337203685477.5807"), (Int64.min, "-922337203685477.5808"),
        ] as [(Int64, String)])
    func printingIsCanonical(_ units: Int64, _ text: String) {
        #expect(Money(units: units).description == text)
    }

    @Test func whatIsPrintedIsReadBack() throws {
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            let units = Int64(truncatingIfNeeded: random.next()) >> Int64(random.next() % 60)
            if units == .min { continue }
            #expect(try Money(Money(units: units).description).units == units)
        }
    }

    @Test func arithmeticTellsOverflow() {
        #expect(Money(units: .max).adding(Money(units: 1)) == nil)
        #expect(Money(units: .min).subtracting(Money(units: 1)) == nil)
        #expect(Price(units: 1_892_500).notional(quantity: 3)?.units == 5_677_500)
        #expect(Price(units: .max).notional(quantity: 2) == nil)
    }
}

@Suite struct NameTests {
    @Test func userNamesFollowTheRule() {
        for good in ["a", "user-1", "A_b-9", String(repeating: "x", count: 64)] { #expect(UserID(good) != nil) }
        for bad in ["", "a b", "a#b", "é", "a.b", String(repeating: "x", count: 65), "a\u{0}"] {
            #expect(UserID(bad) == nil)
        }
    }

    @Test func symbolsFollowTheRule() {
        for good in ["A", "BRK.B", "123456789012"] { #expect(Symbol(good) != nil) }
        for bad in ["", "aapl", "A-B", "1234567890123", "Ä"] { #expect(Symbol(bad) == nil) }
    }
}

@Suite struct UUIDTests {
    /// RFC 9562, appendix A.4: version 5 of "www.example.com" in the DNS namespace.
    @Test func versionFiveFollowsTheStandard() throws {
        let dns = try #require(UUIDValue("6ba7b810-9dad-11d1-80b4-00c04fd430c8"))
        let value = UUIDValue(namespace: dns, name: "www.example.com".utf8)
        #expect(value.description == "2ed6657d-e927-568b-95e1-2665a8aea6a2")
    }

    @Test func textIsReadInEitherCaseAndNothingElse() {
        let text = "2ed6657d-e927-568b-95e1-2665a8aea6a2"
        #expect(UUIDValue(text)?.description == text)
        #expect(UUIDValue(text.uppercased())?.description == text)
        for bad in ["", String(text.dropLast()), text + "0", text.replacing("-", with: ""), text.replacing("2", with: "g")] {
            #expect(UUIDValue(bad) == nil)
        }
    }

    /// Golden: these ids are stored; they must never change.
    @Test func orderAndTradeIDsAreStable() throws {
        let user = try #require(UserID("alice"))
        let order = OrderID(user: user, idempotencyKey: "k-1")
        #expect(order == OrderID(user: user, idempotencyKey: "k-1"))
        #expect(order != OrderID(user: user, idempotencyKey: "k-2"))
        #expect(order.description == Golden.orderID)
        #expect(TradeID(of: order).description == Golden.tradeID)
    }

    private enum Golden {
        static let orderID = "fa20cf31-7ca8-5eca-90bd-07442b86c464"
        static let tradeID = "c3c5f263-639f-5874-beb1-ab8b42e4047c"
    }
}
