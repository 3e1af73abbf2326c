/// Settings of jobs that are watched from outside, and of the server that watches them.
public enum ControlSettings {
    /// Set by `weir server` for each process it starts.
    public static let controlFile = Setting.optionalString(
        "control.file", help: "File in which the process says where it can be reached and how it ended (see ControlFile).")
    public static let controlToken = Setting.optionalString(
        "control.token", help: "Who presents it may stop, cancel and checkpoint the jobs of this process over HTTP.",
        isSecret: true)

    public static let logFile = Setting.optionalString(
        "log.file", help: "Standard output and standard error go to this file, which is rotated.")
    public static let logFileBytes = Setting.bytes(
        "log.file-size", default: 16 << 20, in: 4096...(1 << 40), help: "log.file: a larger one is set aside.")
    public static let logFilesKept = Setting.integer(
        "log.files", default: 5, in: 1...1000, help: "log.file: how many are kept, the current one included.")

    public static let serverURL = Setting.string(
        "server.url", default: "http://127.0.0.1:8081", help: "The weir server that commands talk to.", flag: "server")
    public static let serverToken = Setting.optionalString(
        "server.token", help: "weir server: what clients must present; commands: what they present.", isSecret: true)
    public static let serverHost = Setting.string(
        "server.host", default: "127.0.0.1", help: "weir server: the address it binds; any but loopback needs server.token.",
        flag: "host")
    public static let serverPort = Setting.integer(
        "server.port", default: 8081, in: 0...65_535, help: "weir server: its port; 0: any free one.", flag: "port")
    public static let serverFolder = Setting.string(
        "server.dir", default: "data/server", help: "weir server: its registry, and a folder per job with its logs.",
        flag: "dir")

    /// A second to a day.
    public static let savepointMillisRange = 1000...86_400_000
    public static let savepointTimeout = Setting.millis(
        "server.savepoint-timeout", default: 300_000, in: savepointMillisRange,
        help: "weir server: how long it waits for a savepoint, unless whoever asks for it says how long.")

    static let keys: [ConfigurationKey] = [
        controlFile.key, controlToken.key, logFile.key, logFileBytes.key, logFilesKept.key, serverURL.key, serverToken.key,
        serverHost.key, serverPort.key, serverFolder.key,
        savepointTimeout.key,
    ]
}
