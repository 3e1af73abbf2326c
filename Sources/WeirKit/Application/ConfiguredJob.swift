import StreamRuntime

/// A job that an executable can list and start: a `StreamJob` made from settings.
///
/// A job without settings conforms to `PlainJob` instead and writes nothing of this.
public protocol ConfiguredJob: StreamJob, SendableMetatype {
    /// The job's own settings, by convention named `<job>.…`; the standard ones need no listing.
    static var configurationKeys: [ConfigurationKey] { get }

    /// Called once per start, before `build`. Throw `ConfigurationRefusal` for settings that do not go together.
    init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws

    /// Called before a start in a process that runs no other job (`run JOB`, `submit JOB`). Throw `ConfigurationRefusal`
    /// for settings that only make sense with other jobs beside this one.
    static func checkAlone(_ configuration: Configuration) throws
}

extension ConfiguredJob {
    public static var configurationKeys: [ConfigurationKey] { [] }
    public static func checkAlone(_ configuration: Configuration) throws {}
}

/// A job without settings of its own.
///
///     struct WordCount: PlainJob {
///         static let name = "word-count"
///         func build(_ flow: Flow) throws { … }
///     }
public protocol PlainJob: ConfiguredJob {
    init()
}

extension PlainJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws { self.init() }
}
