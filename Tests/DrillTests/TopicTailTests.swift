import Testing
import TradingDrills

/// Topics whose broker answers late.
private final class LateTail: TopicTail {
    private var reads = 0
    private let recordAt: Int?
    private let endAt: Int

    init(recordAt: Int?, endAt: Int) { (self.recordAt, self.endAt) = (recordAt, endAt) }

    var isAtEnd: Bool { reads >= endAt }

    func read() throws -> [TailedRecord] {
        reads += 1
        return reads == recordAt ? [TailedRecord(topic: "t", key: [], value: [7])] : []
    }
}

@Suite struct TopicTailTests {
    /// A reader that had only asked so far would find that everything is lost.
    @Test func whoHearsNothing_isNotAtTheEndForThat() throws {
        #expect(try LateTail(recordAt: 5, endAt: 5).readToEnd(quietMillis: 0).map(\.value) == [[7]])
        #expect(try LateTail(recordAt: 1, endAt: 3).readToEnd(quietMillis: 0).map(\.value) == [[7]])
        #expect(try LateTail(recordAt: nil, endAt: 1).readToEnd(quietMillis: 0).isEmpty)
    }
}
