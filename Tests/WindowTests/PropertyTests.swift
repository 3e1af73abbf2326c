import StateRocksDB
import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Every kind of window against its model, on random streams: disorder, duplicates, the ends of time, watermarks that leap,
/// processing time, barriers, and restores at another parallelism, from the newest snapshot or from an older one.
@Suite struct PropertyTests {
    static let late = SideOutput<Event>("late")

    static func randomCase(_ random: inout SeededGenerator) -> WindowCase {
        var options: WindowCase
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1:
            let size = Int64.random(in: 1...40, using: &random)
            options = WindowCase(kind: .grid(size: size, slide: size, offset: Int64.random(in: -50...50, using: &random)))
        case 2, 3, 4, 5:
            let (size, slide) = (Int64.random(in: 1...40, using: &random), Int64.random(in: 1...20, using: &random))
            options = WindowCase(kind: .grid(size: size, slide: slide, offset: Int64.random(in: -50...50, using: &random)))
        case 6, 7: options = WindowCase(kind: .session(gap: Int64.random(in: 1...15, using: &random)))
        case 8: options = WindowCase(kind: .global)
        default:
            let size = Int.random(in: 1...9, using: &random)
            let every = Bool.random(using: &random) ? size : Int.random(in: 1...12, using: &random)
            return WindowCase(kind: .count(size: size, every: every))
        }
        let isGlobal = if case .global = options.kind { true } else { false }
        options.isProcessingTime = !isGlobal && Int.random(in: 0..<4, using: &random) == 0
        if Bool.random(using: &random), !options.isProcessingTime, !isGlobal {
            options.lateness = Int64.random(in: 1...40, using: &random)
        }
        if Int.random(in: 0..<3, using: &random) == 0 { options.earlyMillis = Int64.random(in: 1...10, using: &random) }
        if Int.random(in: 0..<3, using: &random) == 0 { options.earlyCount = Int.random(in: 1...5, using: &random) }
        if Int.random(in: 0..<3, using: &random) == 0 { options.lateCount = Int.random(in: 2...4, using: &random) }
        if Int.random(in: 0..<3, using: &random) == 0 { options.isDiscarding = true }
        return options
    }

    /// A run of one case, operator and model side by side.
    struct Run {
        /// What a restore goes back to.
        struct Point {
            var snapshot: HarnessSnapshot
            var model: WindowModel
            var lateSeen: [Int64]
        }
        let options: WindowCase
        let backend: BackendCase
        var random: SeededGenerator
        var model: WindowModel
        var harness: OperatorHarness<Event, WindowResult<Int64, [Int64]>>
        var parallelism: Int
        var nextID: Int64 = 0
        var front: Int64 = 0
        /// By the harnesses before this one.
        var lateSeen: [Int64] = []
        var points: [Point] = []

        init(_ options: WindowCase, _ backend: BackendCase, _ random: SeededGenerator) throws {
            self.options = options
            self.backend = backend
            self.random = random
            model = WindowModel(options)
            parallelism = self.random.nextParallelism()
            harness = try Self.harness(options, backend, parallelism, nil)
        }

        static func harness(
            _ options: WindowCase, _ backend: BackendCase, _ parallelism: Int, _ snapshot: HarnessSnapshot?
        ) throws -> OperatorHarness<Event, WindowResult<Int64, [Int64]>> {
            guard options.canBeLate else {
                return try OperatorHarness(parallelism: parallelism, backend: backend.make(), restoring: snapshot) {
                    windowed(options, $0).aggregate(ids())
                }
            }
            return try OperatorHarness(
                parallelism: parallelism, backend: backend.make(), restoring: snapshot, collecting: late
            ) { windowed(options, $0).lateOutput(late).aggregate(ids()) }
        }

        private static func windowed(
            _ options: WindowCase, _ events: Events
        ) -> WindowedStream<HarnessInput<Event>, Int64> {
            let windowed = events.keyed(by: \.key).window(options.assigner)
                .allowedLateness(.milliseconds(options.lateness))
            if case .count = options.kind { return windowed }
            return windowed.trigger(options.trigger)
        }

        /// True when event time went on.
        mutating func step() throws -> Bool {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<70:
                let key = Int64.random(in: 0..<4, using: &random)
                let time = nextTime()
                try harness.push(Event(key, id: nextID), at: time)
                model.record(key, nextID, at: time)
                nextID += 1
            case 70..<86:
                let time = nextWatermark()
                try harness.watermark(time)
                model.watermark(time)
                return true
            case 86..<94:
                let step = Int64.random(in: 1...12, using: &random)
                try harness.advance(by: .milliseconds(step))
                model.advance(to: model.clock + step)
            case 94, 95: try mark()
            default: try restore()
            }
            return false
        }

        private mutating func nextTime() -> Int64 {
            switch Int.random(in: 0..<200, using: &random) {
            case 0: return .max - Int64.random(in: 0...60, using: &random)
            case 1: return .min + Int64.random(in: 0...60, using: &random)
            case 2: return .max
            case 3: return .min
            default:
                front += Int64.random(in: 0...4, using: &random)
                return front - Int64.random(in: 0...30, using: &random)
            }
        }

        private mutating func nextWatermark() -> Int64 {
            switch Int.random(in: 0..<60, using: &random) {
            case 0: .max - Int64.random(in: 1...60, using: &random)  // `.max` itself is the end
            case 1...6: front + Int64.random(in: 0...100, using: &random)
            default: front - Int64.random(in: 0...40, using: &random)
            }
        }

        private mutating func mark() throws {
            let snapshot = try harness.snapshot()
            points.append(Point(snapshot: snapshot, model: model, lateSeen: try allLateSeen()))
            if points.count > 3 { points.removeFirst() }
        }

        /// What came since the snapshot is undone.
        private mutating func restore() throws {
            if points.isEmpty || Bool.random(using: &random) { try mark() }
            let place = Int.random(in: points.indices, using: &random)
            let point = points[place]
            points.removeSubrange((place + 1)...)
            parallelism = random.nextParallelism()
            harness = try Self.harness(options, backend, parallelism, point.snapshot)
            (model, lateSeen) = (point.model, point.lateSeen)
            model.floor = max(model.floor, model.clock)
            model.clock = 0
        }

        private func allLateSeen() throws -> [Int64] {
            guard options.canBeLate else { return lateSeen }
            return lateSeen + (try harness.sideOutput(PropertyTests.late).map(\.element.id))
        }

        /// The results since the last look are the model's, each with its window's event time, and in order of time.
        mutating func compare(_ context: String, isFiring: Bool) throws {
            let output = harness.takeOutput()
            let found = output.map { row($0.element.key, $0.element.window, $0.element.pane, $0.element.value) }.sorted()
            let expected = model.takeResults()
            try #require(found == expected, "\(context)")
            if case .count = options.kind { return }
            for result in output { try #require(result.millis == result.element.window.last, "\(context)") }
            if parallelism == 1, isFiring, !options.isProcessingTime {
                let onTime = output.filter { $0.element.pane.timing == .onTime }
                try #require(zip(onTime, onTime.dropFirst()).allSatisfy { $0.millis <= $1.millis }, "\(context)")
            }
        }

        mutating func finish(_ context: String) throws {
            try harness.finish()
            model.watermark(.max)
            try compare("\(context), at the end", isFiring: false)
            guard options.canBeLate else { return }
            let late = try allLateSeen()
            try #require(late.sorted() == model.late.sorted(), "\(context)")
        }
    }

    @Test(arguments: [(BackendCase.heap, 120), (.rocksdb, 8)])
    func everyKindOfWindowDoesWhatItsModelDoes(_ backend: BackendCase, _ rounds: Int) throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        for round in 0..<rounds {
            var random = SeededGenerator(seed: seed &+ UInt64(round))
            let options = Self.randomCase(&random)
            let context = "seed \(seed &+ UInt64(round)) on \(backend): \(options)"
            var run = try Run(options, backend, random)
            for step in 0..<150 {
                let isFiring = try run.step()
                try run.compare("\(context), step \(step)", isFiring: isFiring)
            }
            try run.finish(context)
        }
    }
}

extension SeededGenerator {
    mutating func nextParallelism() -> Int { Int.random(in: 1...3, using: &self) }
}
