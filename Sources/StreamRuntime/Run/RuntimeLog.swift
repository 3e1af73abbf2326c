/// How the runtime says what happens: structured, so that the executable can print it as JSON lines.
/// Callable from any thread.
public struct RuntimeLog: Sendable {
    public enum Level: Int, Sendable, Comparable {
        case debug, info, warning, error
        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    }

    private let sink: @Sendable (Level, String, [String: String]) -> Void
    private let context: [String: String]

    public init(
        context: [String: String] = [:],
        _ sink: @escaping @Sendable (Level, _ message: String, _ fields: [String: String]) -> Void
    ) {
        self.sink = sink
        self.context = context
    }

    /// Says nothing.
    public static let silent = RuntimeLog { _, _, _ in }

    /// The same log with `fields` added to every line.
    public func with(_ fields: [String: String]) -> RuntimeLog {
        RuntimeLog(context: context.merging(fields) { $1 }, sink)
    }

    /// The same log with the epoch that its lines are about, where it is known.
    public func with(epoch: Epoch?) -> RuntimeLog { epoch.map { with(["epoch": $0.description]) } ?? self }

    /// Writes one line; `fields` win over the log's own of the same names.
    public func callAsFunction(_ level: Level, _ message: String, _ fields: [String: String] = [:]) {
        sink(level, message, context.merging(fields) { $1 })
    }
}
