import Logging
import StreamRuntime
import Synchronization
import TraceContext
import Tracing

/// Makes the settings' log the process-wide one of swift-log.
public enum LogBootstrap {
    private static let isDone = Mutex(false)
    private static let secrets = Mutex<[String]>([])

    /// For what is printed beside the log, such as a command's last error.
    static var redactor: LogRedactor { LogRedactor(secretTexts: secrets.withLock { $0 }) }

    /// Lines that are logged inside a span name its trace.
    package static let traces = Logger.MetadataProvider {
        guard let span = ServiceContext.current?.spanContext else { return [:] }
        return ["traceId": "\(span.traceID)"]
    }

    /// Only the first call of a process takes effect: swift-log allows no second. Libraries must not call it.
    /// - Throws: `ConfigurationRefusal` when `log.levels` is not what it must be.
    public static func install(_ configuration: Configuration) throws {
        let levels = try levels(configuration)
        if let path = configuration[ControlSettings.logFile] {
            RotatedOutput.redirect(
                to: path, bytesMax: configuration[ControlSettings.logFileBytes],
                filesKept: configuration[ControlSettings.logFilesKept])
        }
        let output = LogOutput.standardError(
            configuration[StandardSettings.logFormat], secrets: configuration.secretValues)
        secrets.withLock { $0 = configuration.secretValues }
        isDone.withLock { isDone in
            guard !isDone else { return }
            isDone = true
            LogLevels.process.start(configuration[StandardSettings.logLevel], levels)
            LoggingSystem.bootstrap(
                { label, provider in
                    WeirLogHandler(
                        label: label, output: output, level: LogLevels.process.cell(label), metadataProvider: provider)
                }, metadataProvider: traces)
        }
    }

    private static func levels(_ configuration: Configuration) throws -> [String: LogLevel] {
        do {
            let texts = try LogLevels.parse(configuration[StandardSettings.logLevels])
            guard texts[LogLevels.defaultWord] == nil else { throw UsageError("the default level is set with log.level") }
            return texts.compactMapValues(LogLevel.init(rawValue:))
        } catch {
            throw ConfigurationRefusal(["\(configuration.origin(of: StandardSettings.logLevels)): \(error)"])
        }
    }
}

extension RuntimeLog {
    /// The engine's log, written by a swift-log logger.
    public init(_ logger: Logger) {
        self.init { level, message, fields in
            let loggerLevel: Logger.Level =
                switch level {
                case .debug: .debug
                case .info: .info
                case .warning: .warning
                case .error: .error
                }
            logger.log(
                level: loggerLevel, "\(message)",
                metadata: fields.isEmpty ? nil : fields.mapValues { .string($0) })
        }
    }
}
