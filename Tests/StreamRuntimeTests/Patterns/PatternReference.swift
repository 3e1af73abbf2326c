import StreamRuntime
import StreamRuntimeTesting

/// An event of a pattern test: a letter, and where it stands.
struct Letter: Sendable, Equatable, StateCodable {
    static var stateSchema: String { "test-letter" }
    var value: Int
    var position: Int

    init(_ value: Int, _ position: Int) {
        self.value = value
        self.position = position
    }
    func encode(into writer: inout ByteWriter) {
        writer.integer(value)
        writer.integer(position)
    }
    init(from reader: inout ByteReader) throws {
        value = try reader.integer()
        position = try reader.integer()
    }
}

/// A pattern as plain data, from which both the machine and the reference are made.
struct PatternSpec {
    enum Contiguity: CaseIterable { case strict, relaxed, any }
    struct Guard {
        var letters: Set<Int>
        var isDirect: Bool
    }
    struct Stage {
        var contiguity = Contiguity.relaxed
        var letters: Set<Int>
        /// Not less than the letter taken before.
        var isRising = false
        var guards: [Guard] = []
        var least = 1
        var most = 1
        var isOptional = false
        var isGreedy = false
        var isConsecutive = false
    }
    var stages: [Stage]
    var absence: [Guard] = []
    var within: Int64?
    var skip = SkipStrategy.noSkip

    static func random(using random: inout SeededGenerator) -> PatternSpec {
        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
        func letters() -> Set<Int> { Set((0..<3).filter { _ in chance(45) } + [Int.random(in: 0..<3, using: &random)]) }
        let stages = (0..<Int.random(in: 1...3, using: &random)).map { index in
            var stage = Stage(letters: letters())
            stage.contiguity = index == 0 ? .relaxed : Contiguity.allCases.randomElement(using: &random) ?? .relaxed
            stage.isRising = chance(20)
            if index > 0, chance(25) {
                stage.guards.append(Guard(letters: [Int.random(in: 0..<4, using: &random)], isDirect: chance(50)))
            }
            let counts = [(1, 1), (1, 1), (2, 2), (1, 2), (1, Int.max), (2, 3)]
            (stage.least, stage.most) = counts.randomElement(using: &random) ?? (1, 1)
            stage.isOptional = chance(25)
            stage.isGreedy = chance(30)
            stage.isConsecutive = chance(25)
            return stage
        }
        var spec = PatternSpec(stages: stages)
        if stages.allSatisfy(\.isOptional) { spec.stages[0].isOptional = false }
        if chance(60) { spec.within = Int64.random(in: 2...9, using: &random) }
        if spec.within != nil, chance(25) {
            spec.absence = [Guard(letters: [Int.random(in: 0..<4, using: &random)], isDirect: false)]
        }
        spec.skip =
            [
                .noSkip, .noSkip, .skipToNext, .skipPastLastEvent,
                .skipToFirst("\(Int.random(in: 0..<stages.count, using: &random))"),
                .skipToLast("\(Int.random(in: 0..<stages.count, using: &random))"),
            ].randomElement(using: &random) ?? .noSkip
        return spec
    }

    /// Stages are called by their numbers.
    func pattern() -> Pattern<Letter> {
        var pattern: Pattern<Letter>?
        for (index, stage) in stages.enumerated() {
            for (number, rule) in stage.guards.enumerated() {
                let condition: @Sendable (Letter) -> Bool = { rule.letters.contains($0.value) }
                pattern =
                    rule.isDirect
                    ? pattern?.notNext("no-\(index)-\(number)", condition)
                    : pattern?.notFollowedBy("no-\(index)-\(number)", condition)
            }
            let simple: @Sendable (Letter) -> Bool = { stage.letters.contains($0.value) }
            let rising: @Sendable (Letter, PatternMatch<Letter>) -> Bool = {
                stage.letters.contains($0.value) && $0.value >= $1.events.last?.value ?? .min
            }
            switch (pattern, stage.contiguity) {
            case (nil, _): pattern = stage.isRising ? Pattern.begin("\(index)", rising) : Pattern.begin("\(index)", simple)
            case (let before?, .strict):
                pattern = stage.isRising ? before.next("\(index)", rising) : before.next("\(index)", simple)
            case (let before?, .relaxed):
                pattern = stage.isRising ? before.followedBy("\(index)", rising) : before.followedBy("\(index)", simple)
            case (let before?, .any):
                pattern = stage.isRising ? before.followedByAny("\(index)", rising) : before.followedByAny("\(index)", simple)
            }
            if stage.most == .max {
                pattern = pattern?.times(stage.least...)
            } else {
                pattern = pattern?.times(stage.least...stage.most)
            }
            if stage.isOptional { pattern = pattern?.optional }
            if stage.isGreedy { pattern = pattern?.greedy }
            if stage.isConsecutive { pattern = pattern?.consecutive }
        }
        for rule in absence { pattern = pattern?.notFollowedBy("never") { rule.letters.contains($0.value) } }
        if let within { pattern = pattern?.within(.milliseconds(within)) }
        return pattern!.skipping(skip)  // there is a stage at least
    }
}

/// Finds matches by trying every row of events against the definition of each step, without a machine.
struct PatternReference {
    typealias Row = [(stage: Int, at: Int)]
    let spec: PatternSpec
    let letters: [Int]
    let times: [Int64]

    func matches() -> [String] {
        var found: [(order: Double, row: Row)] = []
        func grow(_ row: Row) {
            if let order = completion(row) { found.append((order, row)) }
            let first = row.last.map { $0.at + 1 } ?? 0
            for at in first..<letters.count where row.isEmpty || inTime(row, at) {
                for stage in spec.stages.indices where mayTake(row, stage, at) { grow(row + [(stage, at)]) }
            }
        }
        grow([])
        let ordered = found.sorted { left, right in
            if left.order != right.order { return left.order < right.order }
            for (mine, other) in zip(left.row, right.row) where mine != other {
                return mine.at != other.at ? mine.at < other.at : mine.stage < other.stage
            }
            return left.row.count < right.row.count
        }
        var emitted: [Row] = []
        for (_, row) in ordered {
            let isSkipped = emitted.contains { earlier in
                switch spec.skip {
                case .noSkip: false
                case .skipToNext: row[0].at == earlier[0].at
                case .skipPastLastEvent: row[0].at <= earlier[earlier.count - 1].at
                case .skipToFirst(let name): earlier.first { "\($0.stage)" == name }.map { row[0].at < $0.at } ?? false
                case .skipToLast(let name): earlier.last { "\($0.stage)" == name }.map { row[0].at < $0.at } ?? false
                }
            }
            if !isSkipped { emitted.append(row) }
        }
        return emitted.map { row in row.map { "\($0.stage):\($0.at)" }.joined(separator: " ") }
    }

    private func inTime(_ row: Row, _ at: Int) -> Bool { spec.within.map { times[at] - times[row[0].at] < $0 } ?? true }

    private func satisfies(_ row: Row, _ stage: Int, _ at: Int) -> Bool {
        guard spec.stages[stage].letters.contains(letters[at]) else { return false }
        guard spec.stages[stage].isRising, let last = row.last else { return true }
        return letters[at] >= letters[last.at]
    }

    private func count(_ row: Row) -> Int { row.reversed().prefix { $0.stage == row[row.count - 1].stage }.count }

    /// The stages that may come next, were it only for the order of stages.
    private func isReachable(_ row: Row, _ stage: Int) -> Bool {
        guard let current = row.last?.stage else { return spec.stages[..<stage].allSatisfy(\.isOptional) }
        if stage == current { return count(row) < spec.stages[stage].most }
        return stage > current && count(row) >= spec.stages[current].least
            && spec.stages[(current + 1)..<stage].allSatisfy(\.isOptional)
    }

    /// No guard between the row and the stage (or the end) forbids an event of the range.
    private func isClear(_ row: Row, _ stage: Int, _ range: ClosedRange<Int>) -> Bool {
        guard let last = row.last, stage > last.stage else { return true }
        let guards = (last.stage + 1...stage).flatMap { $0 < spec.stages.count ? spec.stages[$0].guards : spec.absence }
        return guards.allSatisfy { rule in
            range.allSatisfy { !rule.letters.contains(letters[$0]) || (rule.isDirect && $0 != last.at + 1) }
        }
    }

    /// A greedy stage before `stage` takes one of these events.
    private func isOutbid(_ row: Row, _ stage: Int, _ range: ClosedRange<Int>) -> Bool {
        (0..<stage).contains { other in
            guard spec.stages[other].isGreedy, isReachable(row, other) else { return false }
            return range.contains { at in
                let isNear = row.isEmpty || at == row[row.count - 1].at + 1
                let waits =
                    row.last?.stage == other ? !spec.stages[other].isConsecutive : spec.stages[other].contiguity != .strict
                return (waits || isNear) && satisfies(row, other, at) && isClear(row, other, range.lowerBound...at)
            }
        }
    }

    private func mayTake(_ row: Row, _ stage: Int, _ at: Int) -> Bool {
        guard isReachable(row, stage), satisfies(row, stage, at) else { return false }
        guard let last = row.last else { return !isOutbid(row, stage, at...at) }
        let gap = last.at + 1..<at
        let passes: Bool
        if stage == last.stage {
            passes = spec.stages[stage].isConsecutive ? gap.isEmpty : gap.allSatisfy { !satisfies(row, stage, $0) }
        } else {
            passes =
                switch spec.stages[stage].contiguity {
                case .strict: gap.isEmpty
                case .relaxed: gap.allSatisfy { !satisfies(row, stage, $0) }
                case .any: true
                }
        }
        return passes && isClear(row, stage, last.at + 1...at) && !isOutbid(row, stage, last.at + 1...at)
    }

    /// When the row is a match: the position of its last event, or half a position before the one its time ends at.
    private func completion(_ row: Row) -> Double? {
        guard let last = row.last, count(row) >= spec.stages[last.stage].least,
            spec.stages[(last.stage + 1)...].allSatisfy(\.isOptional)
        else { return nil }
        guard !spec.absence.isEmpty, let within = spec.within else { return Double(last.at) }
        let end = letters.indices.first { times[$0] - times[row[0].at] >= within } ?? letters.count
        guard last.at + 1 < end else { return Double(end) - 0.5 }
        let rest = last.at + 1...end - 1
        guard isClear(row, spec.stages.count, rest), !isOutbid(row, spec.stages.count, rest) else { return nil }
        return Double(end) - 0.5
    }
}
