extension KeyedStream where Up.Element: StateCodable {
    /// Looks for `pattern` in the records of each key.
    ///
    ///     let pattern = Pattern<Order>.begin("rejected") { $0.isRejected }.times(3).within(.minutes(1))
    ///     orders.keyed(by: \.user).pattern(pattern).select { Alarm(user: $0["rejected"][0].user) }
    ///
    /// In event time: records are taken in the order of their times, and of their arrival where times are equal, once the
    /// watermark has reached them; a match carries the time of its last event, or of its end when it waited for something
    /// not to follow. Late records are not taken.
    @inlinable public func pattern(_ pattern: Pattern<Element>) -> KeyedPattern<Up, Key> {
        KeyedPattern(self, pattern)
    }
}

/// A pattern to look for in a keyed stream, and how. `select` makes the stream of matches.
public struct KeyedPattern<Up: Chain, Key: StreamKey> where Up.Element: StateCodable {
    public typealias Element = Up.Element
    @usableFromInline let stream: KeyedStream<Up, Key>
    @usableFromInline var options: PatternOptions<Element>

    @inlinable init(_ stream: KeyedStream<Up, Key>, _ pattern: Pattern<Element>) {
        self.stream = stream
        options = PatternOptions(pattern)
    }

    private func changed(_ change: (inout PatternOptions<Element>) -> Void) -> Self {
        var result = self
        change(&result.options)
        return result
    }

    /// Takes records as they come, at the time they come; the stream needs no event time.
    public func inProcessingTime() -> Self { changed { $0.isEventTime = false } }

    /// Where records go that come after their watermark.
    public func lateOutput(_ output: SideOutput<Element>) -> Self { changed { $0.late = output } }

    /// Where the beginnings of matches go that were not completed `within` their time.
    public func timeoutOutput(_ output: SideOutput<PatternMatch<Element>>) -> Self { changed { $0.timeouts = output } }

    /// The number of unfinished matches one key may have; one more fails the attempt with a `PatternOverflow`. Bounds the
    /// state of patterns that leave much choice. 10 000 when not said.
    public func limit(_ unfinished: Int) -> Self { changed { $0.limit = max(1, unfinished) } }

    /// One result for each match.
    @inlinable public func select<Output>(
        _ make: @escaping @Sendable (PatternMatch<Element>) throws -> Output
    ) -> Stream<Stage<InputHead<Element>, MatchPattern<Key, Element, Output>>> {
        let (key, options) = (stream.key, options)
        return stream.exchanged().stage("pattern", options.isEventTime ? [.stateful, .needsTime] : .stateful) {
            try MatchPattern(context: $0, key: key, options: options, make: make)
        }
    }
}

@usableFromInline struct PatternOptions<Event>: Sendable {
    let pattern: Pattern<Event>
    @usableFromInline var isEventTime = true
    var late: SideOutput<Event>?
    var timeouts: SideOutput<PatternMatch<Event>>?
    var limit = 10_000

    @usableFromInline init(_ pattern: Pattern<Event>) { self.pattern = pattern }
}

/// One key has more unfinished matches than its pattern allows.
public struct PatternOverflow: Error, CustomStringConvertible {
    public let operatorID: OperatorID
    public let limit: Int

    @inlinable init(operatorID: OperatorID, limit: Int) {
        self.operatorID = operatorID
        self.limit = limit
    }

    public var description: String {
        "pattern '\(operatorID)' has more than \(limit) unfinished matches for one key: narrow it with .within, .greedy, "
            + "stricter conditions or a skip strategy, or raise its .limit"
    }
}
