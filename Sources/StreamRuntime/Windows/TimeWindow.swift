/// A span of time: `start` belongs to it, `end` does not. Milliseconds since 1970-01-01 UTC.
///
/// Time ends at `Int64.max`: a window that would reach further ends there, and that last millisecond belongs to it.
public struct TimeWindow: Hashable, Sendable {
    public var start: Int64
    public var end: Int64

    @inlinable public init(start: Int64, end: Int64) {
        self.start = start
        self.end = end
    }

    /// The last millisecond that belongs to the window: the event time of its results.
    @inlinable public var last: Int64 { end == .max || end == .min ? end : end - 1 }

    /// All of time: the window of global and of count windows.
    public static let always = TimeWindow(start: .min, end: .max)
}

/// Which of a window's results one is. A window without early firings and allowed lateness has exactly one.
public struct Pane: Hashable, Sendable {
    public enum Timing: UInt8, Hashable, Sendable {
        /// Before the watermark has passed the window's end.
        case early
        /// As the watermark passes the end.
        case onTime
        /// After it, because of late records.
        case late
    }
    /// Counts the results of the window from 0.
    public var index: Int
    public var timing: Timing
    /// True when it is known that no other follows. (False does not promise another one.)
    public var isLast: Bool

    @inlinable public init(index: Int = 0, timing: Timing = .onTime, isLast: Bool = true) {
        self.index = index
        self.timing = timing
        self.isLast = isLast
    }
}

/// What a window came to. Its event time is the window's last millisecond.
public struct WindowResult<Key, Value> {
    public var key: Key
    public var value: Value
    public var window: TimeWindow
    public var pane: Pane

    @inlinable public init(key: Key, value: Value, window: TimeWindow, pane: Pane = Pane()) {
        self.key = key
        self.value = value
        self.window = window
        self.pane = pane
    }
}

extension WindowResult: Equatable where Key: Equatable, Value: Equatable {}
extension WindowResult: Hashable where Key: Hashable, Value: Hashable {}
extension WindowResult: Sendable where Key: Sendable, Value: Sendable {}

/// So that results can be windowed, joined or asked about again.
extension WindowResult: StateCodable where Key: StateCodable, Value: StateCodable {
    public static var stateSchema: String { "window-result(\(Key.stateSchema),\(Value.stateSchema))" }

    public func encode(into writer: inout ByteWriter) {
        key.encode(into: &writer)
        value.encode(into: &writer)
        writer.integer(window.start)
        writer.integer(window.end)
        writer.varint(UInt64(pane.index))
        writer.integer(pane.timing.rawValue | (pane.isLast ? 4 : 0))
    }

    public init(from reader: inout ByteReader) throws {
        key = try Key(from: &reader)
        value = try Value(from: &reader)
        window = TimeWindow(start: try reader.integer(), end: try reader.integer())
        let index = try reader.count()
        let flags = try reader.integer(UInt8.self)
        guard flags < 8, let timing = Pane.Timing(rawValue: flags & 3) else {
            throw StateDecodingError("\(flags) is not a pane's timing")
        }
        pane = Pane(index: index, timing: timing, isLast: flags & 4 != 0)
    }
}
