import StreamRuntime

/// A kind of windows with its options, for the operator and for its model.
struct WindowCase: Sendable, CustomStringConvertible {
    enum Kind: Sendable {
        case grid(size: Int64, slide: Int64, offset: Int64)
        case session(gap: Int64)
        case global
        case count(size: Int, every: Int)
    }
    var kind: Kind
    var isProcessingTime = false
    var lateness: Int64 = 0
    var earlyMillis: Int64?
    var earlyCount: Int?
    var lateCount = 1
    var isDiscarding = false

    var assigner: WindowAssigner {
        let made: WindowAssigner =
            switch kind {
            case .grid(let size, let slide, let offset) where size == slide:
                .tumbling(.milliseconds(size), offset: .milliseconds(offset))
            case .grid(let size, let slide, let offset):
                .sliding(.milliseconds(size), every: .milliseconds(slide), offset: .milliseconds(offset))
            case .session(let gap): .session(gap: .milliseconds(gap))
            case .global: .global
            case .count(let size, let every): size == every ? .count(size) : .count(size, every: every)
            }
        return isProcessingTime ? made.processingTime : made
    }

    var trigger: WindowTrigger {
        var trigger = WindowTrigger.atEnd.late(count: lateCount)
        if let earlyMillis { trigger = trigger.early(every: .milliseconds(earlyMillis)) }
        if let earlyCount { trigger = trigger.early(count: earlyCount) }
        return isDiscarding ? trigger.discarding : trigger
    }

    var canBeLate: Bool {
        switch kind {
        case .grid, .session: !isProcessingTime
        case .global, .count: false
        }
    }

    var description: String {
        "\(kind) processing \(isProcessingTime) lateness \(lateness) early \(earlyMillis ?? -1) ms \(earlyCount ?? -1) "
            + "late \(lateCount) discarding \(isDiscarding)"
    }
}

/// What windows should do, written for obviousness: every window is a list of records, every step looks at every window.
struct WindowModel {
    struct Window {
        var key: Int64
        var window: TimeWindow
        var ids: [Int64] = []
        var unfired: [Int64] = []
        var panes = 0
        var armed: Int64?
    }
    let options: WindowCase
    var windows: [Window] = []
    var watermark = Int64.min
    var clock: Int64 = 0
    /// What processing time had reached at the last restore; the clock of a restored harness begins at 0.
    var floor: Int64 = 0
    var late: [Int64] = []
    var gaps = 0
    var counted: [Int64: [Int64]] = [:]
    private var results: [String] = []

    init(_ options: WindowCase) { self.options = options }

    mutating func takeResults() -> [String] {
        defer { results = [] }
        return results.sorted()
    }

    private func saturating(_ value: Int128) -> Int64 { Int64(clamping: value) }
    private func removal(_ window: TimeWindow) -> Int64 { saturating(Int128(window.last) + Int128(options.lateness)) }
    private var reached: Int64 { options.isProcessingTime ? max(clock, floor) - 1 : watermark }

    // MARK: Steps

    mutating func record(_ key: Int64, _ id: Int64, at millis: Int64) {
        let time = options.isProcessingTime ? max(clock, floor) : millis
        switch options.kind {
        case .count(let size, let every):
            counted[key, default: []].append(id)
            let all = counted[key]!
            guard all.count % every == 0 else { return }
            results.append(row(key, .always, Pane(), Array(all.suffix(size))))
        case .global: add(key, id, to: [.always])
        case .grid(let size, let slide, let offset):
            let containing = Self.windows(containing: time, size, slide, offset)
            if containing.isEmpty { gaps += 1 } else { add(key, id, to: containing) }
        case .session(let gap): addToSession(key, id, at: time, gap)
        }
    }

    private mutating func add(_ key: Int64, _ id: Int64, to containing: [TimeWindow]) {
        let live = containing.filter { removal($0) > reached }
        if live.isEmpty { late.append(id) }
        for window in live {
            if !windows.contains(where: { $0.key == key && $0.window == window }) {
                windows.append(Window(key: key, window: window))
            }
            put(id, into: windows.firstIndex { $0.key == key && $0.window == window }!)
        }
    }

    private mutating func addToSession(_ key: Int64, _ id: Int64, at time: Int64, _ gap: Int64) {
        var joined = Window(key: key, window: TimeWindow(start: time, end: saturating(Int128(time) + Int128(gap))))
        let own = joined.window
        let touching = windows.filter { $0.key == key && $0.window.start <= own.end && $0.window.end >= own.start }
        if touching.isEmpty, removal(own) <= reached { return late.append(id) }
        windows.removeAll { $0.key == key && $0.window.start <= own.end && $0.window.end >= own.start }
        for other in touching {
            joined.window.start = min(joined.window.start, other.window.start)
            joined.window.end = max(joined.window.end, other.window.end)
            joined.ids += other.ids
            joined.unfired += other.unfired
            joined.panes = max(joined.panes, other.panes)
            joined.armed = [joined.armed, other.armed].compactMap { $0 }.min()
        }
        windows.append(joined)
        put(id, into: windows.count - 1)
    }

    private mutating func put(_ id: Int64, into index: Int) {
        windows[index].ids.append(id)
        windows[index].unfired.append(id)
        let unfired = windows[index].unfired.count
        if windows[index].window.last <= reached {
            if unfired >= options.lateCount { fire(index, .late) }
        } else if let count = options.earlyCount, unfired >= count {
            fire(index, .early)
        } else if let period = options.earlyMillis, windows[index].armed == nil {
            windows[index].armed = clock + period
        }
    }

    mutating func watermark(_ time: Int64) {
        guard time > watermark else { return }
        let before = watermark
        watermark = time
        if options.isProcessingTime {
            if time == .max { clock = .max }
            if time == .max { endWindows(after: .min, through: .max) }
            return
        }
        endWindows(after: before, through: time)
    }

    /// Processing time, moment by moment.
    mutating func advance(to time: Int64) {
        while clock < time {
            clock += 1
            if options.isProcessingTime { endWindows(after: clock - 2, through: clock - 1) }
            for index in windows.indices where windows[index].armed == clock {
                windows[index].armed = nil
                if !windows[index].unfired.isEmpty { fire(index, .early) }
            }
        }
    }

    private mutating func endWindows(after before: Int64, through time: Int64) {
        for index in windows.indices {
            let window = windows[index].window
            let isOver = removal(window) <= time
            if window.last > before, window.last <= time {
                windows[index].armed = nil
                if !windows[index].unfired.isEmpty || !options.isDiscarding {
                    fire(index, .onTime, isLast: removal(window) == window.last)
                }
            }
            if isOver, !windows[index].unfired.isEmpty { fire(index, .late, isLast: true) }
        }
        windows = windows.filter { removal($0.window) > time }
    }

    private mutating func fire(_ index: Int, _ timing: Pane.Timing, isLast: Bool = false) {
        let window = windows[index]
        results.append(
            row(
                window.key, window.window, Pane(index: window.panes, timing: timing, isLast: isLast),
                options.isDiscarding ? window.unfired : window.ids))
        windows[index].panes += 1
        windows[index].unfired = []
        windows[index].armed = nil
    }

    /// In exact arithmetic: begins before `Int64.min` at most one, ends after `Int64.max` none.
    static func windows(containing time: Int64, _ size: Int64, _ slide: Int64, _ offset: Int64) -> [TimeWindow] {
        let (time, size, slide, offset) = (Int128(time), Int128(size), Int128(slide), Int128(offset))
        let least = Int128(Int64.min)
        var start = (time - offset) / slide * slide + offset
        while start > time { start -= slide }
        while start + slide <= time { start += slide }
        var found: [TimeWindow] = []
        while start + size > time {
            found.append(TimeWindow(start: Int64(clamping: start), end: Int64(clamping: start + size)))
            if start <= least { break }
            start -= slide
        }
        return found
    }
}
