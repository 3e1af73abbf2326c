import StreamRuntime
import Testing

@Suite struct EmissionOrderTests {
    /// Everything ends up in the order that a list of all that happened says.
    @Test(arguments: UInt64(1)...200) func resultsAndWatermarksKeepTheirOrder(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for order in [AsyncOrder.ordered, .unordered] {
            var machine = EmissionOrder(order)
            var arrivals: [EmissionOrder.Step] = []  // inputs and watermarks, as they came
            var open: [UInt64] = []
            var readied: [UInt64] = []
            var left: [EmissionOrder.Step] = []
            var count: UInt64 = 0
            func drain() { while let step = machine.next() { left.append(step) } }
            for _ in 0..<80 {
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1, 2:
                    machine.arrive()
                    arrivals.append(.result(count))
                    open.append(count)
                    count += 1
                case 3 where !open.isEmpty, 4 where !open.isEmpty:
                    let input = open.remove(at: Int.random(in: open.indices, using: &random))
                    machine.ready(input)
                    readied.append(input)
                default:
                    let time = Int64(arrivals.count)
                    machine.watermark(time)
                    arrivals.append(.watermark(time))
                }
                if Bool.random(using: &random) { drain() }
            }
            for input in open.shuffled(using: &random) {
                machine.ready(input)
                readied.append(input)
            }
            drain()
            check(left, arrivals, readied, order, seed)
        }
    }

    private func check(
        _ left: [EmissionOrder.Step], _ arrivals: [EmissionOrder.Step], _ readied: [UInt64], _ order: AsyncOrder, _ seed: UInt64
    ) {
        // Of watermarks in a row only the last need leave.
        var expected: [EmissionOrder.Step] = []
        var segment: [UInt64] = []
        func endSegment() {
            let inOrder = order == .ordered ? segment : readied.filter(segment.contains)
            expected += inOrder.map { .result($0) }
            segment = []
        }
        for step in arrivals {
            switch step {
            case .result(let input): segment.append(input)
            case .watermark, .idle:
                endSegment()
                if case .watermark? = expected.last { expected.removeLast() }
                expected.append(step)
            }
        }
        endSegment()
        #expect(withoutRepeats(left) == expected, "seed \(seed), \(order)")
    }

    private func withoutRepeats(_ steps: [EmissionOrder.Step]) -> [EmissionOrder.Step] {
        var kept: [EmissionOrder.Step] = []
        for step in steps {
            if case .watermark? = kept.last, case .watermark = step { kept.removeLast() }
            kept.append(step)
        }
        return kept
    }

    @Test func idlenessWaitsForTheResultsBeforeIt() {
        var machine = EmissionOrder(.unordered)
        machine.arrive()
        machine.idle()
        #expect(machine.next() == nil)
        machine.ready(0)
        #expect(machine.next() == .result(0))
        #expect(machine.next() == .idle)
        #expect(machine.next() == nil)
        machine.arrive()
        machine.idle()
        machine.watermark(7)
        machine.ready(1)
        #expect([machine.next(), machine.next(), machine.next()] == [.result(1), .watermark(7), nil], "no longer idle")
    }
}
