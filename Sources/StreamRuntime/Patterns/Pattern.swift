/// A sequence of events of one key to look for.
///
///     let pattern = Pattern<Order>.begin("rejected") { $0.isRejected }.times(3).within(.minutes(1))
///
/// A pattern is a row of *stages*, each with a name and a condition, and how far apart their events may be:
///
/// - `next`: the very next event must satisfy the condition.
/// - `followedBy`: events in between that do not satisfy it are passed over; the first that does is taken.
/// - `followedByAny`: also those that do may be passed over: one match for each event that satisfies it.
/// - `notNext`: the event that comes right after the last one taken must not satisfy the condition.
/// - `notFollowedBy`: no event must, up to and including the one the following stage takes. As the end of a pattern it needs
///   `within`, and the match is complete when that time is over.
///
/// A quantifier applies to the stage before it. Where it leaves a choice, every way to match is a match, unless the stage
/// is `greedy` or the `SkipStrategy` says otherwise. A match is complete, and emitted, as soon as every further stage may
/// be left out: a loop at the end emits a match for each length.
public struct Pattern<Event>: Sendable {
    @usableFromInline enum Condition: Sendable {
        case simple(@Sendable (Event) throws -> Bool)
        case iterative(@Sendable (Event, PatternMatch<Event>) throws -> Bool)
    }
    /// Raw values are part of the shape that checkpoints record.
    @usableFromInline enum Contiguity: String, Sendable { case strict = "next", relaxed = "followed-by", any = "followed-by-any" }

    /// Something that must not happen between two stages.
    @usableFromInline struct Guard: Sendable {
        let name: String
        @usableFromInline let condition: Condition
        /// Looks at the next event only.
        @usableFromInline let isDirect: Bool
    }

    @usableFromInline struct Stage: Sendable {
        let name: String
        @usableFromInline let contiguity: Contiguity
        @usableFromInline let condition: Condition
        /// Between the stage before and this one.
        @usableFromInline let guards: [Guard]
        @usableFromInline var least = 1
        @usableFromInline var most = 1
        @usableFromInline var isOptional = false
        @usableFromInline var isGreedy = false
        @usableFromInline var isConsecutive = false
    }

    @usableFromInline private(set) var stages: [Stage] = []
    /// What must not follow the last stage; in front of the next one while the pattern is being written down.
    @usableFromInline private(set) var pendingGuards: [Guard] = []
    @usableFromInline private(set) var windowMillis: Int64?
    @usableFromInline private(set) var skip = SkipStrategy.noSkip
    private var problems: [String] = []

    private init() {}

    // MARK: Stages

    /// Conditions run on task threads, once per event and way to match that it could continue. One with two parameters is
    /// also given what the way has matched so far.
    public static func begin(_ name: String, _ condition: @escaping @Sendable (Event) throws -> Bool) -> Self {
        Self().adding(name, .relaxed, .simple(condition))
    }
    public static func begin(
        _ name: String, _ condition: @escaping @Sendable (Event, _ soFar: PatternMatch<Event>) throws -> Bool
    ) -> Self { Self().adding(name, .relaxed, .iterative(condition)) }

    public func next(_ name: String, _ condition: @escaping @Sendable (Event) throws -> Bool) -> Self {
        adding(name, .strict, .simple(condition))
    }
    public func next(
        _ name: String, _ condition: @escaping @Sendable (Event, _ soFar: PatternMatch<Event>) throws -> Bool
    ) -> Self { adding(name, .strict, .iterative(condition)) }

    public func followedBy(_ name: String, _ condition: @escaping @Sendable (Event) throws -> Bool) -> Self {
        adding(name, .relaxed, .simple(condition))
    }
    public func followedBy(
        _ name: String, _ condition: @escaping @Sendable (Event, _ soFar: PatternMatch<Event>) throws -> Bool
    ) -> Self { adding(name, .relaxed, .iterative(condition)) }

    public func followedByAny(_ name: String, _ condition: @escaping @Sendable (Event) throws -> Bool) -> Self {
        adding(name, .any, .simple(condition))
    }
    public func followedByAny(
        _ name: String, _ condition: @escaping @Sendable (Event, _ soFar: PatternMatch<Event>) throws -> Bool
    ) -> Self { adding(name, .any, .iterative(condition)) }

    public func notNext(_ name: String, _ condition: @escaping @Sendable (Event) throws -> Bool) -> Self {
        forbidding(name, .simple(condition), isDirect: true)
    }
    public func notNext(
        _ name: String, _ condition: @escaping @Sendable (Event, _ soFar: PatternMatch<Event>) throws -> Bool
    ) -> Self { forbidding(name, .iterative(condition), isDirect: true) }

    public func notFollowedBy(_ name: String, _ condition: @escaping @Sendable (Event) throws -> Bool) -> Self {
        forbidding(name, .simple(condition), isDirect: false)
    }
    public func notFollowedBy(
        _ name: String, _ condition: @escaping @Sendable (Event, _ soFar: PatternMatch<Event>) throws -> Bool
    ) -> Self { forbidding(name, .iterative(condition), isDirect: false) }

    private func adding(_ name: String, _ contiguity: Contiguity, _ condition: Condition) -> Self {
        changed {
            $0.stages.append(Stage(name: name, contiguity: contiguity, condition: condition, guards: pendingGuards))
            $0.pendingGuards = []
        }
    }

    private func forbidding(_ name: String, _ condition: Condition, isDirect: Bool) -> Self {
        changed { $0.pendingGuards.append(Guard(name: name, condition: condition, isDirect: isDirect)) }
    }

    // MARK: Quantifiers of the stage before

    /// So many events. In between, events that do not satisfy the condition are passed over, unless `consecutive`.
    public func times(_ count: Int) -> Self { times(count...count) }
    public func times(_ counts: ClosedRange<Int>) -> Self { looping(counts.lowerBound, counts.upperBound) }
    public func times(_ counts: PartialRangeFrom<Int>) -> Self { looping(counts.lowerBound, .max) }
    public var oneOrMore: Self { times(1...) }

    /// The stage may be left out.
    public var optional: Self { changingLast("optional") { $0.isOptional = true } }

    /// The stage takes every event it can: the stages after it get only what it cannot take.
    public var greedy: Self { changingLast("greedy") { $0.isGreedy = true } }

    /// The events of the stage follow one another without any other event in between.
    public var consecutive: Self { changingLast("consecutive") { $0.isConsecutive = true } }

    private func looping(_ least: Int, _ most: Int) -> Self {
        var result = changingLast("times") { ($0.least, $0.most) = (least, most) }
        if least < 1 { result.problems.append("a stage takes one event at least; say .optional for none") }
        return result
    }

    private func changingLast(_ quantifier: String, _ change: (inout Stage) -> Void) -> Self {
        changed {
            if $0.pendingGuards.isEmpty { return change(&$0.stages[$0.stages.count - 1]) }
            $0.problems.append(".\(quantifier) does not apply to something that must not happen")
        }
    }

    // MARK: The whole pattern

    /// The last event comes less than `duration` after the first.
    public func within(_ duration: Duration) -> Self {
        changed {
            $0.windowMillis = duration.wholeMillis
            if duration.wholeMillis < 1 { $0.problems.append(".within needs a millisecond at least") }
        }
    }

    /// Which matches are left out once one has been found; `noSkip` when not said.
    public func skipping(_ strategy: SkipStrategy) -> Self { changed { $0.skip = strategy } }

    private func changed(_ change: (inout Self) -> Void) -> Self {
        var result = self
        change(&result)
        return result
    }

    // MARK: Checks

    /// Throws `GraphError` when the pattern cannot be looked for.
    func validate() throws {
        func refuse(_ problem: String) -> GraphError {
            GraphError("pattern \(stages.map(\.name).joined(separator: " → ")): \(problem)")
        }
        if let problem = problems.first { throw refuse(problem) }
        var names: Set<String> = []
        for name in stages.flatMap({ $0.guards.map(\.name) + [$0.name] }) + pendingGuards.map(\.name)
        where !names.insert(name).inserted {
            throw refuse("two stages are called '\(name)'")
        }
        if let name = skip.stageName, !stages.contains(where: { $0.name == name }) {
            throw refuse("it skips to '\(name)', which is none of its stages")
        }
        if stages.allSatisfy(\.isOptional) { throw refuse("every stage is optional; no event at all would match") }
        if stages.count > 62 { throw refuse("it has \(stages.count) stages; 62 are possible") }
        if pendingGuards.contains(where: \.isDirect) { throw refuse("it cannot end with .notNext; end it with a stage") }
        if !pendingGuards.isEmpty, windowMillis == nil {
            throw refuse("it ends with .notFollowedBy, which needs .within: until when must nothing follow?")
        }
    }

    /// Everything but the conditions: state of one shape means nothing to a pattern of another.
    var shape: String {
        let parts = stages.map { stage in
            stage.guards.map { "\($0.isDirect ? "not-next" : "not-followed-by") \($0.name)" }.joined(separator: " ")
                + " \(stage.contiguity.rawValue) \(stage.name) \(stage.least)-\(stage.most)\(stage.isOptional ? " optional" : "")"
        }
        return (parts + pendingGuards.map { "not-followed-by \($0.name)" }).joined(separator: ";")
    }
}

/// What a match that was found means for the others of its key. Matches are found in the order in which they are complete;
/// of those that one event completes, the one whose events come first counts first, compared event by event.
public enum SkipStrategy: Hashable, Sendable {
    /// Nothing: every match is emitted.
    case noSkip
    /// No other match begins with the same event.
    case skipToNext
    /// No other match begins with one of its events, or with one between them: matches do not overlap.
    case skipPastLastEvent
    /// No other match begins before the first event that the match has of this stage; if it has none, nothing changes.
    case skipToFirst(String)
    /// No other match begins before the last event that the match has of this stage; if it has none, nothing changes.
    case skipToLast(String)

    /// The stage that is named, if one is.
    var stageName: String? {
        switch self {
        case .noSkip, .skipToNext, .skipPastLastEvent: nil
        case .skipToFirst(let name), .skipToLast(let name): name
        }
    }
}
