import StreamRuntime
import Synchronization

/// A source that a test feeds record by record. Everything pushed is kept: after a crash it is read again from the
/// position of the checkpoint. Any thread may push; works under `JobTest` and under `JobRunner`.
public final class TestSource<Element: Sendable>: Source {
    struct Split {
        /// The position of `records[0]`. Other than 0 in a source that goes on where another one was.
        var first: Int64 = 0
        var records: [Element] = []
        var isFinished = false
        var wake: (@Sendable () -> Void)?
    }
    private let splits: Mutex<[Split]>
    private let splitCount: Int

    /// `records` go to the first of `splits` splits.
    public init(_ records: [Element] = [], splits: Int = 1) {
        precondition(splits > 0, "a source has at least one split")
        splitCount = splits
        var empty = Array(repeating: Split(), count: splits)
        empty[0].records = records
        self.splits = Mutex(empty)
    }

    public func push(_ record: Element, split: Int = 0) { push(contentsOf: [record], split: split) }

    public func push(contentsOf records: some Sequence<Element>, split: Int = 0) {
        let records = Array(records)
        let wake = splits.withLock {
            precondition(!$0[split].isFinished, "split \(split) has ended")
            $0[split].records += records
            return $0[split].wake
        }
        wake?()
    }

    /// No more records come; the source has ended once its last split has.
    public func finish(split: Int) {
        let wake = splits.withLock {
            $0[split].isFinished = true
            return $0[split].wake
        }
        wake?()
    }

    public func finish() { for split in 0..<splitCount { finish(split: split) } }

    // MARK: Source

    public func discoverSplits(_ context: SourceContext) -> [SourceSplit] {
        TestSources.current?.add { self.finish() }
        return (0..<splitCount).map { SourceSplit(id: "split-\($0)", start: 0) }
    }

    public func makeReader(_ context: SourceReaderContext) throws -> TestSourceReader<Element> {
        let parts = try context.assignments.map { assignment in
            guard let split = Int(assignment.split.dropFirst("split-".count)), split < splitCount else {
                throw RecoveryRefusal(
                    "the checkpoint names split '\(assignment.split)', the test source has \(splitCount)",
                    remedy: "Give the source as many splits as it had.")
            }
            try open(split, at: assignment.next, wake: context.wake)
            return TestSourceReader<Element>.Part(split: split, id: assignment.split, next: assignment.next)
        }
        return TestSourceReader(source: self, parts: parts, backPressure: context.backPressure, cursor: context.splits)
    }

    private func open(_ split: Int, at position: Int64, wake: @escaping @Sendable () -> Void) throws {
        try splits.withLock {
            $0[split].wake = wake
            if $0[split].records.isEmpty { $0[split].first = position }
            let known = $0[split].first...($0[split].first + Int64($0[split].records.count))
            guard known.contains(position) else {
                throw RecoveryRefusal(
                    "the checkpoint has read up to position \(position), the test source holds \(known)",
                    remedy: "Restore with the source that was read, or with an empty one.")
            }
        }
    }

    /// At most `limit` records from `position`; and whether the split ends behind them.
    func read(_ split: Int, from position: Int64, limit: Int) -> (records: ArraySlice<Element>, isEnd: Bool) {
        splits.withLock {
            let from = Int(position - $0[split].first)
            let to = min($0[split].records.count, from + limit)
            return ($0[split].records[from..<to], $0[split].isFinished && to == $0[split].records.count)
        }
    }
}

/// Reads a `TestSource`.
public struct TestSourceReader<Element: Sendable>: SourceReader {
    struct Part {
        let split: Int
        let id: String
        var next: Int64
    }
    private let source: TestSource<Element>
    private var parts: [Part]
    private let backPressure: BackPressure
    private let cursor: SplitCursor

    init(source: TestSource<Element>, parts: [Part], backPressure: BackPressure, cursor: SplitCursor) {
        self.source = source
        self.parts = parts
        self.backPressure = backPressure
        self.cursor = cursor
    }

    public mutating func poll<Output: Collector>(into output: inout Output, budget: Int) throws -> SourceStatus
    where Output.Element == Element {
        var emitted = 0
        var ended = 0
        for index in parts.indices where !cursor.isPaused(index) && !backPressure.isRaised {
            let (records, isEnd) = source.read(parts[index].split, from: parts[index].next, limit: budget)
            cursor.select(index)
            var taken = 0
            for record in records {
                taken += 1
                parts[index].next += 1
                try output.collect(record)
                if backPressure.isRaised { break }
            }
            emitted += taken
            if isEnd, taken == records.count {
                cursor.end(index)
                ended += 1
            }
        }
        if ended == parts.count { return .finished }
        return emitted > 0 ? .progressed : .idle(recheckAfterMicros: .max)
    }

    public func positions() -> [SplitPosition] { parts.map { SplitPosition(split: $0.id, next: $0.next) } }
}

/// The test sources of the job that is being started, for whoever ends them.
final class TestSources: Sendable {
    @TaskLocal static var current: TestSources?
    private let finishers = Mutex<[@Sendable () -> Void]>([])

    func add(_ finish: @escaping @Sendable () -> Void) { finishers.withLock { $0.append(finish) } }

    func finishAll() { for finish in finishers.withLock({ $0 }) { finish() } }
}
