import NIOCore
import NIOWebSocket
import Services
import Testing
import Trading

/// The pure parts, without a network.
@Suite struct StateMachineTests {
    @Test func aSetOfSymbolsBehavesAsASet() {
        var random = SplitMix64(seed: 7)
        for capacity in [1, 63, 64, 65, 200] {
            let table = SymbolTable((0..<capacity).map { Symbol("S\($0)")! })
            #expect(table.all.count == capacity)
            var bits = (table.none, table.none)
            var model: (Set<Int>, Set<Int>) = ([], [])
            for _ in 0..<500 {
                let number = Int.random(in: 0..<capacity, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    bits.0.insert(number)
                    model.0.insert(number)
                case 1:
                    bits.1.insert(number)
                    model.1.insert(number)
                case 2:
                    bits.0.remove(number)
                    model.0.remove(number)
                case 3:
                    bits.0.formUnion(bits.1)
                    model.0.formUnion(model.1)
                case 4:
                    bits.1.subtract(bits.0)
                    model.1.subtract(model.0)
                default:
                    // What both have joins a third; how much of it was there already is counted.
                    var (third, thirdModel) = (bits.1, model.1)
                    #expect(third.insertCommon(bits.0, table.all) == model.0.intersection(thirdModel).count)
                    thirdModel.formUnion(model.0)
                    #expect(third.count == thirdModel.count)
                }
                var listed: [Int] = []
                bits.0.forEach { listed.append($0) }
                #expect(listed == model.0.sorted())
                #expect(bits.0.contains(number) == model.0.contains(number))
                #expect(bits.0.isEmpty == model.0.isEmpty)
            }
        }
    }

    @Test func whatWaitsForASubscriberIsBoundedByItsSymbols() throws {
        let table = SymbolTable((0..<100).map { Symbol("S\($0)")! })
        var subscriber = PriceSubscriber(table, symbolsMax: 10)
        try subscriber.apply(.subscribe(["S1", "S2", "S3"]), table)
        #expect(subscriber.takePending().count == 3, "the snapshot")
        #expect(!subscriber.hasPending)
        #expect(subscriber.changed(table.all) == 0, "the first change of each replaces nothing")
        for _ in 0..<1_000 { #expect(subscriber.changed(table.all) == 3) }
        #expect(subscriber.takePending().count == 3)
        #expect(subscriber.changed(table.none) == 0)
        try subscriber.apply(.subscribe(["S3", "S4"]), table)
        #expect(subscriber.takePending().count == 1, "only what is new is a snapshot")
        _ = subscriber.changed(table.all)
        try subscriber.apply(.unsubscribe(["S1", "S2", "S3"]), table)
        #expect(subscriber.takePending().count == 1, "what is unsubscribed does not wait any more")
        #expect(throws: SubscriptionRefusal.tooManySymbols(max: 10)) {
            try subscriber.apply(.subscribe((0..<11).map { "S\($0)" }), table)
        }
        #expect(subscriber.subscribed.count == 1)
    }

    @Test func anAllowanceIsRefilledByTime() {
        var allowance = TokenAllowance(perSecond: 10, burst: 5, nowMillis: 0)
        func take(_ count: Int, at millis: Int64) -> Int {
            (0..<count).reduce(0) { sum, _ in allowance.take(nowMillis: millis) ? sum + 1 : sum }
        }
        #expect(take(10, at: 0) == 5)
        #expect(take(10, at: 99) == 0)
        #expect(take(10, at: 100) == 1)
        #expect(take(10, at: 350) == 2)
        #expect(take(100, at: 1_000_000) == 5, "waiting long does not save up more than a burst")
    }

    // MARK: The session, over time

    private func frame(_ opcode: WebSocketOpcode) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: opcode, maskKey: [1, 2, 3, 4], data: ByteBuffer())
    }

    @Test func silenceIsPingedOnceThenClosedThenEnded() {
        var session = WebSocketSession(.init(), nowMillis: 0)
        #expect(session.passTime(nowMillis: 29_999).isEmpty)
        #expect(session.passTime(nowMillis: 30_000).count == 1, "a ping")
        #expect(session.passTime(nowMillis: 49_999).isEmpty)
        #expect(session.isOpen)
        #expect(session.passTime(nowMillis: 50_000).count == 1, "a close frame")
        #expect(!session.isOpen)
        #expect(session.passTime(nowMillis: 52_999).isEmpty)
        #expect(session.passTime(nowMillis: 53_000) == [.end])
        #expect(session.passTime(nowMillis: 99_000).isEmpty)
    }

    @Test func anySignOfLifePutsThePingOff() {
        var session = WebSocketSession(.init(), nowMillis: 0)
        #expect(session.passTime(nowMillis: 30_000).count == 1)
        #expect(session.received(frame(.pong), nowMillis: 40_000).isEmpty)
        #expect(session.passTime(nowMillis: 69_999).isEmpty)
        #expect(session.passTime(nowMillis: 70_000).count == 1)
    }

    @Test func afterItsCloseFrameOnlyTheAnswerCounts() {
        var session = WebSocketSession(.init(), nowMillis: 0)
        #expect(session.close(.goingAway, nowMillis: 0).count == 1)
        #expect(session.close(.goingAway, nowMillis: 0).isEmpty, "said once")
        #expect(session.received(frame(.ping), nowMillis: 1).isEmpty)
        #expect(session.received(frame(.binary), nowMillis: 1).isEmpty)
        #expect(session.received(frame(.connectionClose), nowMillis: 2) == [.end])
        #expect(session.inputEnded().isEmpty, "ended once")
    }
}
