/// Looks for a pattern in the events of one key. Pure: events and times in, matches out.
///
/// A *way* is a row of events that the pattern may begin with. It stands in front of one or more *targets*: the stage whose
/// loop it is in, and the stages that may follow. Each target deals with an event on its own:
///
/// N1. An event that a guard on the way to the target forbids, ends the way to that target.
/// N2. An event that satisfies the target's condition is taken: a longer way begins. The shorter one waits for that target no
///     longer, except where the target is reached by `followedByAny`.
/// N3. An event that does not, ends a strict target, and is passed over by the others.
/// N4. While a greedy target takes an event, the targets behind it end.
///
/// So no two ways have the same events at the same stages.
///
/// N5. Ways whose first event is `within` ago are over: `expire` comes before any event of that time or later.
@usableFromInline package struct PatternMachine<Event>: Sendable {
    @usableFromInline let stages: [Pattern<Event>.Stage]
    @usableFromInline let finalGuards: [Pattern<Event>.Guard]
    @usableFromInline let names: [String]
    @usableFromInline let skip: SkipStrategy
    /// The stage that `skip` names.
    @usableFromInline let skipStage: Int?
    /// The targets of the first event.
    @usableFromInline let entries: UInt64
    /// By stage: the targets of a way whose last stage is this one, its own loop apart.
    @usableFromInline let exits: [UInt64]
    /// By stage: nothing else has to come.
    @usableFromInline let mayEnd: [Bool]
    @usableFromInline package let windowMillis: Int64?
    package let shape: String

    /// Throws `GraphError` when the pattern cannot be looked for.
    package init(_ pattern: Pattern<Event>) throws {
        try pattern.validate()
        let stages = pattern.stages
        self.stages = stages
        finalGuards = pattern.pendingGuards
        names = stages.map(\.name)
        skip = pattern.skip
        skipStage = stages.firstIndex { $0.name == pattern.skip.stageName }
        windowMillis = pattern.windowMillis
        shape = pattern.shape
        let endsInAbsence = !pattern.pendingGuards.isEmpty
        func targets(from first: Int) -> (bits: UInt64, reachesEnd: Bool) {
            var bits: UInt64 = 0
            for stage in first..<stages.count {
                bits |= 1 << UInt64(stage)
                if !stages[stage].isOptional { return (bits, false) }
            }
            return (endsInAbsence ? bits | 1 << UInt64(stages.count) : bits, true)
        }
        entries = targets(from: 0).bits
        exits = stages.indices.map { targets(from: $0 + 1).bits }
        mayEnd = stages.indices.map { targets(from: $0 + 1).reachesEnd && !endsInAbsence }
    }

    @usableFromInline typealias Way = PatternState<Event>.Way

    // MARK: Events

    /// Takes the next event. `millis` does not fall from call to call; `expire(at: millis)` came before. Returns what the event
    /// completes, in the order of `SkipStrategy`.
    @inlinable package func process(
        _ event: Event, at millis: Int64, _ state: inout PatternState<Event>
    ) throws -> [PatternMatch<Event>] {
        let sequence = state.nextSequence
        state.nextSequence += 1
        var ways: [Way] = []
        ways.reserveCapacity(state.ways.count + 1)
        var complete: [Way] = []
        var isTaken = false
        var isLeft = false
        for var way in state.ways {
            let (left, taken) = try advance(way, event, state)
            for stage in bits(taken) {
                isTaken = true
                let longer = extended(way, stage, sequence)
                if longer.isComplete { complete.append(longer) }
                if longer.targets != 0 { ways.append(longer) }
            }
            way.targets = left
            way.hasPassedOver = true
            if left != 0 { ways.append(way) } else { isLeft = true }
        }
        for stage in bits(entries) where try satisfies(event, stages[stage].condition, nil, state) {
            isTaken = true
            let way = way(taken: [(stage, sequence)], count: 1, firstMillis: millis)
            if way.isComplete { complete.append(way) }
            if way.targets != 0 { ways.append(way) }
            if stages[stage].isGreedy { break }  // N4
        }
        state.ways = ways
        if isTaken { state.events.append((sequence, millis, event)) }
        let matches = complete.isEmpty ? [] : emit(complete, &state)
        if isLeft || !matches.isEmpty { state.collect() }
        return matches
    }

    /// True when a way begins with `event`.
    @inlinable package func mayBegin(with event: Event) throws -> Bool {
        for stage in bits(entries) where try satisfies(event, stages[stage].condition, nil, PatternState()) { return true }
        return false
    }

    /// The targets of `way` that are left after the event, and those that take it.
    @inlinable func advance(
        _ way: Way, _ event: Event, _ state: PatternState<Event>
    ) throws -> (left: UInt64, taken: UInt64) {
        let current = way.taken[way.taken.count - 1].stage
        var left: UInt64 = 0
        var taken: UInt64 = 0
        for target in bits(way.targets) {
            if try isForbidden(event, way, from: current, to: target, state) { continue }  // N1
            guard target < stages.count else {
                left |= 1 << UInt64(target)
                continue
            }
            let stage = stages[target]
            let bit: UInt64 = 1 << UInt64(target)
            if try satisfies(event, stage.condition, way, state) {
                taken |= bit
                if target != current, stage.contiguity == .any { left |= bit }
                if stage.isGreedy { break }  // N4
            } else if target == current ? !stage.isConsecutive : stage.contiguity != .strict {
                left |= bit
            }
        }
        return (left, taken)
    }

    @inlinable func isForbidden(
        _ event: Event, _ way: Way, from current: Int, to target: Int, _ state: PatternState<Event>
    ) throws -> Bool {
        guard target > current else { return false }
        for next in current + 1...target {
            for rule in next < stages.count ? stages[next].guards : finalGuards where !(rule.isDirect && way.hasPassedOver) {
                if try satisfies(event, rule.condition, way, state) { return true }
            }
        }
        return false
    }

    @inlinable func satisfies(
        _ event: Event, _ condition: Pattern<Event>.Condition, _ way: Way?, _ state: PatternState<Event>
    ) throws -> Bool {
        switch condition {
        case .simple(let isSatisfied): try isSatisfied(event)
        case .iterative(let isSatisfied): try isSatisfied(event, match(way, state))
        }
    }

    // MARK: Ways

    @inlinable func extended(_ way: Way, _ stage: Int, _ sequence: Int64) -> Way {
        let isLoop = way.taken[way.taken.count - 1].stage == stage
        return self.way(
            taken: way.taken + [(stage, sequence)], count: isLoop ? way.count + 1 : 1, firstMillis: way.firstMillis)
    }

    @inlinable func way(taken: [(stage: Int, sequence: Int64)], count: Int, firstMillis: Int64) -> Way {
        let last = taken[taken.count - 1].stage
        let hasEnough = count >= stages[last].least
        let loop: UInt64 = count < stages[last].most ? 1 << UInt64(last) : 0
        return Way(
            taken: taken, count: count, firstMillis: firstMillis, targets: loop | (hasEnough ? exits[last] : 0),
            isComplete: hasEnough && mayEnd[last])
    }

    /// Emits complete ways and applies the skip strategy to them and to the ways that are left.
    @inlinable func emit(_ complete: [Way], _ state: inout PatternState<Event>) -> [PatternMatch<Event>] {
        var matches: [PatternMatch<Event>] = []
        var emitted: [Way] = []
        for way in complete.sorted(by: { $0.isBefore($1) }) where !emitted.contains(where: { isSkipped(way, after: $0) }) {
            matches.append(match(way, state))
            emitted.append(way)
        }
        if skip != .noSkip { state.ways.removeAll { way in emitted.contains { isSkipped(way, after: $0) } } }
        return matches
    }

    @inlinable func isSkipped(_ way: Way, after match: Way) -> Bool {
        switch skip {
        case .noSkip: false
        case .skipToNext: way.first == match.first
        case .skipPastLastEvent: way.first <= match.last
        case .skipToFirst: match.taken.first { $0.stage == skipStage }.map { way.first < $0.sequence } ?? false
        case .skipToLast: match.taken.last { $0.stage == skipStage }.map { way.first < $0.sequence } ?? false
        }
    }

    @inlinable func match(_ way: Way?, _ state: PatternState<Event>) -> PatternMatch<Event> {
        PatternMatch(
            names: names,
            taken: (way?.taken ?? []).map { stage, sequence in
                let (millis, event) = state.event(sequence)
                return (stage, millis, event)
            })
    }

    // MARK: Time

    /// When the way that began first is over.
    @inlinable package func deadline(_ state: PatternState<Event>) -> Int64? {
        guard let windowMillis, let first = state.ways.first else { return nil }
        return first.firstMillis.addingSaturating(windowMillis)
    }

    /// When `match` was over, or would have been.
    @inlinable func deadline(_ match: PatternMatch<Event>) -> Int64 {
        (match.firstMillis ?? .max).addingSaturating(windowMillis ?? .max)
    }

    /// Ends the ways that began `within` before `millis`, or, when no event comes any more, every one that has its end. Those
    /// that only had to wait for nothing to follow are matches. Time-outs come in the order in which the ways began.
    @inlinable package func expire(
        at millis: Int64, isEnd: Bool = false, _ state: inout PatternState<Event>
    ) -> (matches: [PatternMatch<Event>], timeouts: [PatternMatch<Event>]) {
        guard let windowMillis, let first = state.ways.first,
            isEnd || millis.subtractingSaturating(first.firstMillis) >= windowMillis
        else { return ([], []) }
        var over: [Way] = []
        var ways: [Way] = []
        for way in state.ways {
            let isOver = isEnd || millis.subtractingSaturating(way.firstMillis) >= windowMillis
            if isOver { over.append(way) } else { ways.append(way) }
        }
        state.ways = ways
        let absence: UInt64 = finalGuards.isEmpty ? 0 : 1 << UInt64(stages.count)
        let complete = over.filter { $0.targets & absence != 0 }
        let matches = emit(complete, &state)
        let timeouts = over.filter { $0.targets & absence == 0 && !$0.isComplete }.sorted { $0.isBefore($1) }
            .map { match($0, state) }
        state.collect()
        return (matches, timeouts)
    }

    /// The positions of the bits that are set, the lowest first.
    @inlinable func bits(_ mask: UInt64) -> BitPositions { BitPositions(rest: mask) }
}

/// The positions of the bits that are set in a word, the lowest first.
@usableFromInline struct BitPositions: Sequence, IteratorProtocol {
    @usableFromInline var rest: UInt64

    @inlinable init(rest: UInt64) { self.rest = rest }

    @inlinable mutating func next() -> Int? {
        guard rest != 0 else { return nil }
        defer { rest &= rest - 1 }
        return rest.trailingZeroBitCount
    }
}
