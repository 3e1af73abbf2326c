import Logging
import StreamRuntime
import Synchronization

/// Makes the settings' log the process-wide one of swift-log.
public enum LogBootstrap {
    private static let isDone = Mutex(false)
    private static let secrets = Mutex<[String]>([])

    /// For what is printed beside the log, such as a command's last error.
    static var redactor: LogRedactor { LogRedactor(secretTexts: secrets.withLock { $0 }) }

    /// Only the first call of a process takes effect: swift-log allows no second. Libraries must not call it.
    public static func install(_ configuration: Configuration) {
        let output = LogOutput.standardError(
            configuration[StandardSettings.logFormat], secrets: configuration.secretValues)
        let level = Logger.Level(rawValue: configuration[StandardSettings.logLevel].rawValue) ?? .info
        secrets.withLock { $0 = configuration.secretValues }
        isDone.withLock { isDone in
            guard !isDone else { return }
            isDone = true
            LoggingSystem.bootstrap(
                { label, provider in
                    WeirLogHandler(label: label, output: output, logLevel: level, metadataProvider: provider)
                }, metadataProvider: nil)
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
