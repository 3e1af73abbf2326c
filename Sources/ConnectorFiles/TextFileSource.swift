import StreamRuntime

/// Reads the lines of files. A split is a file (its absolute path); its position the byte at which the
/// next line begins.
///
/// The files are those that `path` names when the job starts: a file, the files of a folder, or a
/// pattern. The source is bounded: a split ends with its file, unless `follows` is set; then lines added
/// later are read too, within `recheckMillis`, and a line counts once its end is written.
///
/// A file must only grow while a job has a checkpoint in it: one that is shorter than the position is
/// refused, one replaced by a longer one cannot be told apart.
/// `decode` runs on task threads, once per line, on bytes that are valid only during the call.
public struct TextFileSource<Element>: Source {
    public typealias Decode = @Sendable (FileLine) throws -> Element
    public typealias OnUndecodable = @Sendable (FileLine, any Error) -> Element

    public let path: String
    public let lineBytesMax: Int
    public let follows: Bool
    public let recheckMillis: Int
    private let decode: Decode
    private let onUndecodable: OnUndecodable?

    public init(
        _ path: String, lineBytesMax: Int = 1 << 20, follows: Bool = false, recheckMillis: Int = 100,
        onUndecodable: OnUndecodable? = nil, decode: @escaping Decode
    ) {
        self.path = path
        self.lineBytesMax = lineBytesMax
        self.follows = follows
        self.recheckMillis = recheckMillis
        self.decode = decode
        self.onUndecodable = onUndecodable
    }

    public func discoverSplits(_ context: SourceContext) throws -> [SourceSplit] {
        try FileListing.expand(path).map { SourceSplit(id: $0, start: 0) }
    }

    public func makeReader(_ context: SourceReaderContext) throws -> TextFileReader<Element> {
        let lines = try context.assignments.map {
            try LineReader($0.split, position: $0.next, lineBytesMax: lineBytesMax, follows: follows)
        }
        return TextFileReader(
            lines: lines, backPressure: context.backPressure, splits: context.splits, recheckMicros: Int64(recheckMillis) * 1000,
            decode: decode, onUndecodable: onUndecodable)
    }
}

extension TextFileSource where Element == String {
    /// Each line as text; invalid UTF-8 is repaired.
    public init(lines path: String, lineBytesMax: Int = 1 << 20, follows: Bool = false) {
        self.init(path, lineBytesMax: lineBytesMax, follows: follows, decode: { $0.text })
    }
}

/// One subtask of a `TextFileSource`: its files one after another, but for those that are paused by their alignment.
/// Owned by one task thread.
public struct TextFileReader<Element>: SourceReader {
    @usableFromInline let lines: [LineReader]
    @usableFromInline let backPressure: BackPressure
    /// Its splits are `lines`, in their order.
    @usableFromInline let splits: SplitCursor
    @usableFromInline let recheckMicros: Int64
    @usableFromInline let decode: TextFileSource<Element>.Decode
    @usableFromInline let onUndecodable: TextFileSource<Element>.OnUndecodable?

    init(
        lines: [LineReader], backPressure: BackPressure, splits: SplitCursor, recheckMicros: Int64,
        decode: @escaping TextFileSource<Element>.Decode, onUndecodable: TextFileSource<Element>.OnUndecodable?
    ) {
        self.lines = lines
        self.backPressure = backPressure
        self.splits = splits
        self.recheckMicros = recheckMicros
        self.decode = decode
        self.onUndecodable = onUndecodable
        for index in lines.indices { splits.setWaiting(index, true) }
    }

    @inlinable
    public mutating func poll<Output: Collector>(into output: inout Output, budget: Int) throws -> SourceStatus
    where Output.Element == Element {
        var emitted = 0
        var hasEnded = true
        var isAnyPaused = false
        for (index, reader) in lines.enumerated() {
            if reader.hasEnded {
                splits.end(index)
                continue
            }
            if splits.isPaused(index) {
                hasEnded = false
                isAnyPaused = true
                continue
            }
            splits.select(index)
            splits.setWaiting(index, false)
            while emitted < budget {
                if backPressure.isRaised { return interrupted(at: index) }
                guard let line = try reader.next() else { break }
                try output.collect(try element(of: line))
                emitted += 1
            }
            if emitted >= budget { return interrupted(at: index) }
            if reader.hasEnded { splits.end(index) } else { hasEnded = false }
        }
        if emitted > 0 { return .progressed }
        return hasEnded ? .finished : .idle(recheckAfterMicros: isAnyPaused ? min(recheckMicros, 5_000) : recheckMicros)
    }

    /// The files behind were not asked for records.
    @usableFromInline
    func interrupted(at index: Int) -> SourceStatus {
        for later in lines.indices.dropFirst(index + 1) { splits.setWaiting(later, true) }
        return .progressed
    }

    @usableFromInline
    func element(of line: FileLine) throws -> Element {
        do {
            return try decode(line)
        } catch {
            guard let onUndecodable else { throw UndecodableLine(file: line.file, byte: line.byte, cause: error) }
            return onUndecodable(line, error)
        }
    }

    public func positions() -> [SplitPosition] { lines.map { SplitPosition(split: $0.path, next: $0.position) } }
}
