/// How a source reader tells which of its splits the records it emits come from, so that each split has a
/// watermark of its own. Owned by the reader's task thread.
///
/// A reader that never calls it is treated as one with a single split.
public final class SplitCursor: @unchecked Sendable {  // used on the owning task's thread only
    /// The ids of the reader's splits, in the order of `SourceReaderContext.assignments`.
    public let ids: [String]
    /// True where there are more subtasks than splits: `ids` then names one that never was.
    let isEmpty: Bool
    // Behind pointers: looked at once a record, where class properties would cost exclusivity checks.
    @usableFromInline let current: UnsafeMutablePointer<Int>
    @usableFromInline let paused: UnsafeMutablePointer<Bool>
    @usableFromInline let ended: UnsafeMutablePointer<Bool>
    private var waiting: [Bool]

    private let onEnd: () -> Void

    /// `onEnd` is called when a split ends.
    public init(_ ids: [String], onEnd: @escaping () -> Void = {}) {
        self.onEnd = onEnd
        self.ids = ids.isEmpty ? [""] : ids
        isEmpty = ids.isEmpty
        current = .allocate(capacity: 1)
        current.initialize(to: 0)
        paused = .allocate(capacity: self.ids.count)
        paused.initialize(repeating: false, count: self.ids.count)
        ended = .allocate(capacity: self.ids.count)
        ended.initialize(repeating: false, count: self.ids.count)
        waiting = Array(repeating: false, count: self.ids.count)
    }

    deinit {
        current.deallocate()
        paused.deallocate()
        ended.deallocate()
    }

    /// The records emitted from now on come from split `index`.
    @inlinable public func select(_ index: Int) { current.pointee = index }

    /// Split `index` has no more records: it holds event time back no longer.
    public func end(_ index: Int) {
        guard !ended[index] else { return }
        ended[index] = true
        onEnd()
    }

    /// Split `index` is read after others: until its turn comes it is not idle, however little it brings.
    public func setWaiting(_ index: Int, _ isWaiting: Bool) { waiting[index] = isWaiting }

    /// Brings nothing because nobody reads it just now.
    func isLeftAlone(_ index: Int) -> Bool { paused[index] || waiting[index] }

    /// Splits may be paused: set, if ever, before the reader is made.
    public package(set) var isAligned = false

    /// True while split `index` is further ahead in event time than its alignment allows: leave it for now.
    @inlinable public func isPaused(_ index: Int) -> Bool { paused[index] }

    package func setPaused(_ index: Int, _ isPaused: Bool) { paused[index] = isPaused }

    /// Every split that has not ended is paused: the task does not poll its reader.
    var areAllPaused = false
}
