import StreamRuntime

/// The open windows of all keys with their records. In exact arithmetic; what would reach beyond the ends of time is cut
/// there, as docs/windows.md says.
struct WindowsModel {
    enum Kind {
        case grid(size: Int64, slide: Int64)
        case session(gap: Int64)
    }
    struct Open {
        var key: Int64
        var window: TimeWindow
        var records: [(isFirst: Bool, event: Event)] = []
    }
    let kind: Kind
    private var open: [Open] = []
    private var reached = Int64.min

    init(_ kind: Kind) { self.kind = kind }

    static let kinds: [(WindowAssigner, Kind)] = [
        (.tumbling(.milliseconds(10)), .grid(size: 10, slide: 10)),
        (.sliding(.milliseconds(12), every: .milliseconds(5)), .grid(size: 12, slide: 5)),
        (.session(gap: .milliseconds(4)), .session(gap: 4)),
        (.sliding(.milliseconds(6), every: .milliseconds(8)), .grid(size: 6, slide: 8)),
    ]

    /// False when it is late. A record in a gap between windows is not.
    mutating func add(_ event: Event, isFirst: Bool) -> Bool {
        switch kind {
        case .grid(let size, let slide):
            let containing = Self.windows(containing: event.millis, size: size, slide: slide)
            let live = containing.filter { $0.last > reached }
            for window in live {
                if !open.contains(where: { $0.key == event.key && $0.window == window }) {
                    open.append(Open(key: event.key, window: window))
                }
                for index in open.indices where open[index].key == event.key && open[index].window == window {
                    open[index].records.append((isFirst, event))
                }
            }
            return containing.isEmpty || !live.isEmpty
        case .session(let gap):
            var session = Open(key: event.key, window: Self.window(Int128(event.millis), size: gap))
            let own = session.window
            let touching = open.filter { $0.key == event.key && $0.window.start <= own.end && own.start <= $0.window.end }
            if touching.isEmpty, own.last <= reached { return false }
            for other in touching {
                session.window.start = min(session.window.start, other.window.start)
                session.window.end = max(session.window.end, other.window.end)
                session.records += other.records
            }
            session.records.append((isFirst, event))
            open.removeAll { other in touching.contains { $0.key == other.key && $0.window == other.window } }
            open.append(session)
            return true
        }
    }

    /// Those that are over once `time` is.
    mutating func close(through time: Int64) -> [Open] {
        reached = time
        defer { open.removeAll { $0.window.last <= time } }
        return open.filter { $0.window.last <= time }
    }

    /// Those of the grid around `time`, latest first. Of those that begin before the beginning of time there is one.
    private static func windows(containing time: Int64, size: Int64, slide: Int64) -> [TimeWindow] {
        let rest = Int128(time) % Int128(slide)
        var start = Int128(time) - (rest < 0 ? rest + Int128(slide) : rest)
        var windows: [TimeWindow] = []
        while start + Int128(size) > Int128(time), windows.last?.start != .min {
            windows.append(window(start, size: size))
            start -= Int128(slide)
        }
        return windows
    }

    private static func window(_ start: Int128, size: Int64) -> TimeWindow {
        TimeWindow(start: Int64(clamping: start), end: Int64(clamping: start + Int128(size)))
    }
}
