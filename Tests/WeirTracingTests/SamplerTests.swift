import Testing
import TraceContext
import WeirTracing

@Suite struct SamplerTests {
    /// Spread evenly, the same in every run.
    static let ids = (0..<10_000).compactMap { TraceID(high: 1, low: UInt64($0) &* 0x9E37_79B9_7F4A_7C15) }

    static func count(_ ratio: Double) -> Int {
        ids.count { Sampler(ratio: ratio).records($0, parent: nil) }
    }

    @Test func theRatioIsKept() {
        #expect(Self.count(0) == 0)
        #expect(Self.count(1) == Self.ids.count)
        #expect(abs(Self.count(0.25) - 2_500) < 100)
        #expect(abs(Self.count(0.001) - 10) < 5)
    }

    @Test func ratiosBeyondTheirRangeAreBroughtToItsEnds() {
        #expect(Self.count(-3) == 0)
        #expect(Self.count(.nan) == 0)
        #expect(Self.count(7) == Self.ids.count)
    }

    @Test func aHigherRatioRecordsWhatALowerOneDoes() {
        let (low, high) = (Sampler(ratio: 0.1), Sampler(ratio: 0.3))
        #expect(Self.ids.allSatisfy { !low.records($0, parent: nil) || high.records($0, parent: nil) })
    }

    @Test(arguments: [true, false]) func theParentsDecisionIsKept(_ isSampled: Bool) {
        for ratio in [0, 0.5, 1] {
            let sampler = Sampler(ratio: ratio)
            for trace in Self.ids.prefix(100) {
                let parent = SpanContext(traceID: trace, spanID: .random(), isSampled: isSampled)
                #expect(sampler.records(trace, parent: parent) == isSampled)
            }
        }
    }
}
