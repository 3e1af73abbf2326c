import Services
import TestKit
import Testing
import Trading
import TradingStores

/// What clients are told, and when.
@Suite(.timeLimit(.minutes(5))) struct PriceSocketTests {
    @Test func aSubscriptionBeginsWithTheLatestPriceAndGoesOnWithChanges() async throws {
        let symbols = RunningService.symbols(3)
        try await RunningService.with(symbols: symbols) { running async throws in
            try await running.tell(symbols[0], 1)
            try await RawClient.open(running.port) { client async throws in
                try await client.subscribe([symbols[0].text, symbols[1].text])
                #expect(try await client.message() == #"{"type":"subscribed","symbols":["\#(symbols[0])","\#(symbols[1])"]}"#)
                #expect(try await client.message() == priceMessage(symbols[0], 1))
                // The third symbol is not asked for, an older price is no change.
                try await running.tell(symbols[2], 5)
                try await running.tell(symbols[0], 1, units: 1)
                try await running.tell(symbols[1], 7, units: 12_345)
                #expect(try await client.message() == priceMessage(symbols[1], 7, price: "1.2345"))
                try await running.tell(symbols[0], 2)
                #expect(try await client.message() == priceMessage(symbols[0], 2))
            }
        }
    }

    /// A price that waits for its turn is told by that to everybody, and to nobody before.
    @Test func aFirstPriceIsToldOnceToWhoSubscribesJustThen() async throws {
        let symbols = RunningService.symbols(2)
        var limits = TestLimits.fast
        limits.paceMillis = 300
        try await RunningService.with(symbols: symbols, limits: limits) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                try await client.subscribe([symbols[0].text])
                _ = try await client.message()
                // Told at once; what changes next waits for the pace.
                try await running.tell(symbols[0], 1)
                #expect(try await client.message() == priceMessage(symbols[0], 1))
                try await running.tell(symbols[1], 1)
                try await client.subscribe([symbols[1].text])
                _ = try await client.message()
                #expect(try await client.message() == priceMessage(symbols[1], 1))
                try await running.tell(symbols[1], 2)
                #expect(try await client.message() == priceMessage(symbols[1], 2))
            }
        }
    }

    @Test func anUnsubscribedSymbolIsNotToldOf() async throws {
        let symbols = RunningService.symbols(2)
        try await RunningService.with(symbols: symbols) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                try await client.subscribe(symbols.map(\.text))
                _ = try await client.message()
                try await client.say(#"{"symbols":["\#(symbols[0])"],"type":"unsubscribe"}"#)
                #expect(try await client.message() == #"{"type":"subscribed","symbols":["\#(symbols[1])"]}"#)
                try await running.tell(symbols[0], 1)
                try await running.tell(symbols[1], 1)
                #expect(try await client.message() == priceMessage(symbols[1], 1))
            }
        }
    }

    @Test func whatCannotBeDoneIsRefusedWholeAndTheConnectionGoesOn() async throws {
        let symbols = RunningService.symbols(3)
        var limits = TestLimits.fast
        limits.symbolsMax = 2
        try await RunningService.with(symbols: symbols, limits: limits) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                for nonsense in [
                    "", "null", "[]", "{", #"{"type":"subscribe"}"#, #"{"type":"x","symbols":[]}"#,
                    #"{"type":"subscribe","symbols":[1]}"#,
                ] {
                    try await client.say(nonsense)
                    #expect(try await client.message().contains(#""code":"malformed""#), "\(nonsense)")
                }
                try await client.subscribe([symbols[0].text, "NOSUCH"])
                #expect(try await client.message().contains(#""code":"unknown-symbol""#))
                try await client.subscribe(symbols.map(\.text))
                #expect(try await client.message().contains(#""code":"too-many-symbols""#))
                // Nothing of the refused messages has stayed.
                try await client.subscribe([symbols[2].text, symbols[2].text])
                #expect(try await client.message() == #"{"type":"subscribed","symbols":["\#(symbols[2])"]}"#)
            }
        }
    }

    /// A client that reads nothing while a price changes thousands of times: it costs no memory, and when it reads on
    /// it is soon told the last price, having skipped most.
    @Test func aSlowClientSkipsPricesAndIsToldTheLast() async throws {
        let symbols = RunningService.symbols(8)
        var limits = TestLimits.fast
        limits.socketSendBytes = 4_096
        limits.waitingBytes = (low: 1_024, high: 4_096)
        let changes: Int64 = 20_000
        try await RunningService.with(symbols: symbols, limits: limits) { running async throws in
            try await RawClient.open(running.port, receiveBytes: 4_096) { slow async throws in
                try await slow.subscribe(symbols.map(\.text))
                _ = try await slow.message()
                try await RawClient.open(running.port) { quick async throws in
                    try await quick.subscribe([symbols[0].text])
                    _ = try await quick.message()
                    for seq in 1...changes {
                        try await running.prices.update(symbols.map { RunningService.tick($0, seq) })
                        // In step with a client that reads, so that changes are not only conflated by the service's pace.
                        if seq % 100 == 0 { while try await quick.seq() < seq {} }
                    }
                }
                var told = 0
                var last: [String: Int64] = [:]
                while last.count < symbols.count || last.values.contains(where: { $0 < changes }) {
                    let (symbol, seq) = try await slow.price()
                    #expect(seq > last[symbol] ?? 0, "prices of a symbol go forward")
                    last[symbol] = seq
                    told += 1
                }
                #expect(told < Int(changes) * symbols.count / 4, "told \(told)")
            }
        }
    }

    @Test func aClientThatReadsNothingIsCutOff() async throws {
        let symbols = RunningService.symbols(8)
        var limits = TestLimits.fast
        limits.socketSendBytes = 4_096
        limits.waitingBytes = (low: 1_024, high: 4_096)
        limits.stalledMillisMax = 1_000
        try await RunningService.with(symbols: symbols, limits: limits) { running async throws in
            try await RawClient.open(running.port, receiveBytes: 4_096) { client async throws in
                try await client.subscribe(symbols.map(\.text))
                var seq: Int64 = 0
                try await eventually("it is cut off") {
                    seq += 1
                    try await running.prices.update(symbols.map { RunningService.tick($0, seq) })
                    return running.service.connections == 0 && seq > 1
                }
            }
        }
    }

    @Test func changesWithinThePaceAreSentOnce() async throws {
        let symbols = RunningService.symbols(1)
        var limits = TestLimits.fast
        limits.paceMillis = 300
        try await RunningService.with(symbols: symbols, limits: limits) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                try await client.subscribe([symbols[0].text])
                _ = try await client.message()
                try await running.tell(symbols[0], 1)
                #expect(try await client.seq() == 1)
                for seq in 2...50 as ClosedRange<Int64> { try await running.tell(symbols[0], seq) }
                var told = 1
                while try await client.seq() < 50 { told += 1 }
                #expect(told < 25, "told \(told) of 49")
            }
        }
    }
}

extension RunningService {
    static func tick(_ symbol: Symbol, _ seq: Int64) -> PriceTick {
        PriceTick(symbol: symbol, price: Price(units: 1_892_500), seq: seq, timestampMillis: 1_700_000_000_000)
    }
}

extension RawClient {
    /// The next price message.
    mutating func price() async throws -> (symbol: String, seq: Int64) {
        let match = try #require(try await message().firstMatch(of: #/"symbol":"([^"]+)".*"seq":(\d+)/#))
        return (String(match.1), try #require(Int64(match.2)))
    }

    mutating func seq() async throws -> Int64 { try await price().seq }
}
