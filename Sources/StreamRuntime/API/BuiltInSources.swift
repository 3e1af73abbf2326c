/// Records made from their number: the same number gives the same record, so that a restart goes on
/// exactly where the last decision was.
public struct GeneratorSource<Element>: Source {
    private let first: Int64
    private let count: Int64?
    private let splits: Int
    private let ratePerSecond: Double?
    private let make: @Sendable (Int64) -> Element

    /// Numbers from `first`, dealt out over `splits` parts; `count` in all (`nil`: without end), `ratePerSecond` in all.
    /// A restart goes on behind the last checkpoint, whatever `first` is then; with a `count` it must stay the same.
    public init(
        from first: Int64 = 0, count: Int64? = nil, splits: Int = 1, ratePerSecond: Double? = nil,
        _ make: @escaping @Sendable (Int64) -> Element
    ) {
        self.first = first
        self.count = count
        self.splits = max(1, splits)
        self.ratePerSecond = ratePerSecond
        self.make = make
    }

    public func discoverSplits(_ context: SourceContext) -> [SourceSplit] {
        (0..<splits).map { SourceSplit(id: "part-\($0)", start: turns(of: Int64($0), before: first)) }
    }

    /// How many numbers below `number` belong to the part.
    private func turns(of part: Int64, before number: Int64) -> Int64 {
        (number - part + Int64(splits) - 1) / Int64(splits)
    }

    public func makeReader(_ context: SourceReaderContext) -> Reader {
        Reader(
            parts: context.assignments.map { assignment in
                let index = Int64(assignment.split.dropFirst("part-".count)) ?? 0
                return Reader.Part(
                    split: assignment.split, index: index, next: assignment.next,
                    end: count.map { turns(of: index, before: first + $0) })
            },
            splits: Int64(splits),
            pace: ratePerSecond.map {
                Reader.Pace(
                    perPartPerSecond: $0 / Double(splits), beganNanos: context.clock.monotonicNanos(), clock: context.clock)
            },
            backPressure: context.backPressure, cursor: context.splits, make: make)
    }

    public struct Reader: SourceReader {
        @usableFromInline struct Part {
            @usableFromInline let split: String
            @usableFromInline let index: Int64
            @usableFromInline var next: Int64
            @usableFromInline let end: Int64?
            @usableFromInline var emitted: Int64 = 0
        }
        struct Pace {
            let perPartPerSecond: Double
            let beganNanos: Int64
            let clock: any RuntimeClock
        }
        @usableFromInline var parts: [Part]
        @usableFromInline let splits: Int64
        let pace: Pace?
        @usableFromInline let backPressure: BackPressure
        @usableFromInline let cursor: SplitCursor
        @usableFromInline let make: @Sendable (Int64) -> Element
        @usableFromInline static var chunkRecords: Int { 32 }
        /// Owned by the reader; freed on `close`.
        @usableFromInline let chunk = UnsafeMutablePointer<Element>.allocate(capacity: Self.chunkRecords)

        init(
            parts: [Part], splits: Int64, pace: Pace?, backPressure: BackPressure, cursor: SplitCursor,
            make: @escaping @Sendable (Int64) -> Element
        ) {
            self.parts = parts
            self.splits = splits
            self.pace = pace
            self.backPressure = backPressure
            self.cursor = cursor
            self.make = make
        }

        @inlinable public mutating func poll<Output: Collector>(into output: inout Output, budget: Int) throws -> SourceStatus
        where Output.Element == Element {
            var ended = 0
            var emitted = 0
            let dueNow = due()
            let share = max(1, budget / max(1, parts.count))
            for position in parts.indices {
                let part = parts[position]
                var until = part.next + Int64(share)
                if let end = part.end {
                    until = min(until, end)
                    if part.next >= end {
                        ended += 1
                        cursor.end(position)
                    }
                }
                if cursor.isPaused(position) { continue }
                cursor.select(position)
                if let dueNow { until = min(until, part.next.addingSaturating(max(0, dueNow - part.emitted))) }
                var next = part.next
                defer {
                    parts[position].emitted += next - part.next
                    emitted += Int(next - part.next)
                    parts[position].next = next
                }
                while next < until, !backPressure.isRaised {
                    try emit(part, &next, until: min(until, next + Int64(Self.chunkRecords)), into: &output)
                }
            }
            if ended == parts.count { return .finished }
            return emitted > 0 ? .progressed : .idle(recheckAfterMicros: 1000)
        }

        /// A chunk is made first and emitted then: reading a record right after it was written word by word
        /// would wait for the processor's store buffer (measured: 15 ns of 30 a record of 40 bytes).
        @inlinable mutating func emit<Output: Collector>(
            _ part: Part, _ next: inout Int64, until: Int64, into output: inout Output
        ) throws where Output.Element == Element {
            let (make, chunk) = (make, chunk)
            let count = Int(until - next)
            for index in 0..<count {
                (chunk + index).initialize(to: make((next &+ Int64(index)) &* splits &+ part.index))
            }
            var taken = 0
            defer { (chunk + taken).deinitialize(count: count - taken) }  // made again later: the same number, the same record
            while taken < count {
                let record = (chunk + taken).move()
                taken &+= 1
                next &+= 1
                try output.collect(record)
                if backPressure.isRaised { return }
            }
        }

        public mutating func close() { chunk.deallocate() }

        /// How many records a part should have emitted by now.
        @usableFromInline func due() -> Int64? {
            guard let pace else { return nil }
            let due = Double(pace.clock.monotonicNanos() - pace.beganNanos) / 1e9 * pace.perPartPerSecond
            return Int64(max(0, min(0x1p62, due)))  // also without time or limit, which make no number
        }

        public func positions() -> [SplitPosition] { parts.map { SplitPosition(split: $0.split, next: $0.next) } }
    }
}

/// The elements of a collection, in order, as one split.
public struct CollectionSource<Element: Sendable>: Source {
    private let elements: [Element]

    public init(_ elements: some Sequence<Element>) { self.elements = Array(elements) }

    public func discoverSplits(_ context: SourceContext) -> [SourceSplit] { [SourceSplit(id: "elements", start: 0)] }

    public func makeReader(_ context: SourceReaderContext) -> Reader {
        Reader(
            elements: elements, position: context.assignments.first, backPressure: context.backPressure, cursor: context.splits)
    }

    public struct Reader: SourceReader {
        let elements: [Element]
        var position: SplitPosition?
        let backPressure: BackPressure
        let cursor: SplitCursor

        public mutating func poll<Output: Collector>(into output: inout Output, budget: Int) throws -> SourceStatus
        where Output.Element == Element {
            guard let start = position, start.next < elements.count else {
                cursor.end(0)
                return .finished
            }
            var next = Int(start.next)
            defer { position = SplitPosition(split: start.split, next: Int64(next)) }
            let until = min(elements.count, next + budget)
            while next < until {
                next += 1
                try output.collect(elements[next - 1])
                if backPressure.isRaised { break }
            }
            return .progressed
        }

        public func positions() -> [SplitPosition] { position.map { [$0] } ?? [] }
    }
}
