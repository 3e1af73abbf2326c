import Logging
import Synchronization

/// Which lines the process's log writes: a default level, and levels of labels that differ from it. A label stands for
/// itself and for all that begin with it and a dot; of several that fit, the longest counts. Any thread.
///
/// A logger whose code sets a level of its own keeps that.
public final class LogLevels: Sendable {
    /// Those of the process-wide log.
    public static let process = LogLevels()
    /// Stands for what has no level of its own; as a level: back to what the label has without one.
    public static let defaultWord = "default"
    static let labelsMax = 200

    /// What is set.
    public struct Reading: Sendable, Equatable, Codable {
        public var `default`: String
        public var levels: [String: String]

        public init(default level: String, levels: [String: String]) {
            self.default = level
            self.levels = levels
        }
    }

    /// The level of one label, as loggers read it at every call: one relaxed load.
    final class Cell: Sendable {
        private let index: Atomic<Int>

        init(_ level: LogLevel) { index = Atomic(Cell.index(of: level)) }

        var level: Logger.Level { Logger.Level.allCases[index.load(ordering: .relaxed)] }
        func set(_ level: LogLevel) { index.store(Cell.index(of: level), ordering: .relaxed) }

        private static func index(of level: LogLevel) -> Int {
            Logger.Level.allCases.firstIndex { $0.rawValue == level.rawValue } ?? 0
        }
    }

    private struct State {
        var fallback = LogLevel.info
        var byLabel: [String: LogLevel] = [:]
        /// Of every label that has a logger.
        var cells: [String: Cell] = [:]

        func level(of label: String) -> LogLevel {
            var rest = label[...]
            while true {
                if let level = byLabel[String(rest)] { return level }
                guard let dot = rest.lastIndex(of: ".") else { return fallback }
                rest = rest[..<dot]
            }
        }
    }
    private let state = Mutex(State())

    public init() {}

    /// As `log.level` and `log.levels` say.
    func start(_ level: LogLevel, _ levels: [String: LogLevel]) {
        state.withLock {
            ($0.fallback, $0.byLabel) = (level, levels)
            Self.update($0)
        }
    }

    /// The cell of a label. Labels are constants of code; should there be more of them than `labelsMax`, further ones keep
    /// the level they have when their logger is made.
    func cell(_ label: String) -> Cell {
        state.withLock { state in
            if let known = state.cells[label] { return known }
            let made = Cell(state.level(of: label))
            if state.cells.count < Self.labelsMax { state.cells[label] = made }
            return made
        }
    }

    public var reading: Reading {
        state.withLock { state in
            Reading(default: state.fallback.rawValue, levels: state.byLabel.mapValues(\.rawValue))
        }
    }

    /// Sets levels by label; `default` is read as `defaultWord` says. All of them, or none.
    /// - Throws: `UsageError` for what is no level or no label, and when there would be too many labels.
    public func change(_ changes: [String: String]) throws {
        try state.withLock { state in
            var (fallback, byLabel) = (state.fallback, state.byLabel)
            for (label, text) in changes.sorted(by: { $0.key < $1.key }) {
                if label != Self.defaultWord, text == Self.defaultWord {
                    byLabel[label] = nil
                    continue
                }
                let level = try Self.level(text, of: label)
                if label == Self.defaultWord { fallback = level } else { byLabel[label] = level }
            }
            guard byLabel.count <= Self.labelsMax else {
                throw UsageError("levels of \(byLabel.count) labels; at most \(Self.labelsMax) are kept")
            }
            (state.fallback, state.byLabel) = (fallback, byLabel)
            Self.update(state)
        }
    }

    private static func update(_ state: borrowing State) {
        for (label, cell) in state.cells { cell.set(state.level(of: label)) }
    }

    // MARK: As users write them

    /// `label=level` texts, as `log.levels` and the command `log-level` take them.
    /// - Throws: `UsageError`, naming the text.
    public static func parse(_ texts: [String]) throws -> [String: String] {
        var changes: [String: String] = [:]
        for text in texts {
            guard let equals = text.lastIndex(of: "="), equals != text.startIndex else {
                throw UsageError("'\(text)' is not label=level, such as weir.http=warning")
            }
            let label = String(text[..<equals]).trimmed
            let level = String(text[text.index(after: equals)...]).trimmed
            if level != defaultWord || label == defaultWord { _ = try Self.level(level, of: label) }
            guard changes.updateValue(level, forKey: label) == nil else { throw UsageError("'\(label)' is given twice") }
        }
        return changes
    }

    private static func level(_ text: String, of label: String) throws -> LogLevel {
        guard !label.isEmpty, label.utf8.count <= 200 else { throw UsageError("a label has 1 to 200 characters") }
        guard let level = LogLevel(rawValue: text) else {
            let all = LogLevel.allCases.map(\.rawValue)
            throw UsageError(
                "'\(text)' is no level for '\(label)': \(all.joined(separator: ", "))\(Nearest.suggestion(text, among: all))")
        }
        return level
    }
}
