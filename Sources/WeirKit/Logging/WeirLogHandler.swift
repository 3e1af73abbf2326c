import Foundation
import Logging
import StreamRuntime

/// The swift-log handler of Weir executables: one write per line, so that lines of several threads, and
/// of several processes with one stderr, never mix.
struct WeirLogHandler: LogHandler {
    let label: String
    let output: LogOutput
    /// As set for the label, now.
    let level: LogLevels.Cell
    /// As the logger's own code has set it.
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, output: LogOutput, level: LogLevels.Cell, metadataProvider: Logger.MetadataProvider? = nil) {
        self.label = label
        self.output = output
        self.level = level
        self.metadataProvider = metadataProvider
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? level.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
        output.write(level: event.level, logger: label, message: event.message.description, fields: all)
    }
}

/// Where lines go and in which form. Callable from any thread.
public struct LogOutput: Sendable {
    private let isPretty: Bool
    private let redactor: LogRedactor
    private let wallMillis: @Sendable () -> Int64
    private let emit: @Sendable ([UInt8]) -> Void

    /// `emit` gets one whole line at a time, from any thread.
    package init(
        isPretty: Bool, secrets: [String], wallMillis: @escaping @Sendable () -> Int64,
        emit: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.isPretty = isPretty
        redactor = LogRedactor(secretTexts: secrets)
        self.wallMillis = wallMillis
        self.emit = emit
    }

    /// To standard error; `auto` is pretty when that is a terminal that shows colours.
    public static func standardError(_ format: LogFormat, secrets: [String] = []) -> LogOutput {
        let isPretty =
            switch format {
            case .json: false
            case .pretty: true
            case .auto: isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
            }
        let clock = SystemClock()
        return LogOutput(
            isPretty: isPretty, secrets: secrets, wallMillis: { clock.wallMillis() },
            emit: { StandardError.write($0) })
    }

    func write(level: Logger.Level, logger: String, message: String, fields: Logger.Metadata) {
        let line = LogLine(
            wallMillis: wallMillis(), level: LogLevel(rawValue: level.rawValue) ?? .info, logger: logger,
            message: redactor.text(message),
            fields: fields.sorted { $0.key < $1.key }.map { ($0.key, redactor.field($0.key, $0.value.description)) })
        emit(isPretty ? line.pretty() : line.json())
    }

    /// A logger of this output, for executables that do not want the process-wide one.
    public func logger(label: String, level: LogLevel = .info) -> Logger {
        Logger(label: label) { WeirLogHandler(label: $0, output: self, level: LogLevels.Cell(level)) }
    }

    /// One whose level follows `levels`, and whose lines carry what `metadata` gives.
    package func logger(label: String, levels: LogLevels, metadata: Logger.MetadataProvider? = nil) -> Logger {
        Logger(label: label) {
            WeirLogHandler(label: $0, output: self, level: levels.cell($0), metadataProvider: metadata)
        }
    }
}

/// Unbuffered writing to standard error.
package enum StandardError {
    /// A closed or full stderr loses the line, never the process.
    static func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var rest = UnsafeRawBufferPointer(buffer)
            while let start = rest.baseAddress, !rest.isEmpty {
                #if canImport(Darwin)
                    let count = Darwin.write(STDERR_FILENO, start, rest.count)
                #else
                    let count = Glibc.write(STDERR_FILENO, start, rest.count)
                #endif
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    package static func print(_ text: String, terminator: String = "\n") { write(Array((text + terminator).utf8)) }
}
