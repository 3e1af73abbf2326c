import ArgumentParser
import Foundation
import Logging
import NIOCore
import ServiceLifecycle
import StreamRuntime
import WeirKit

/// `server`: runs jobs as processes and serves the REST API.
struct ServerCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "server", abstract: "Supervise jobs, a process each, and serve the REST API and the web page.",
            discussion: """
                Jobs come with 'submit', from this or any other Weir executable. A job whose process dies is started again by \
                its restart strategy. The registry in --dir lets a server that was ended, or killed, find its jobs again; \
                they run on meanwhile.

                Ctrl-C or SIGTERM ends the server and leaves the jobs running, unless --stop-jobs is given: then it waits for \
                them, two minutes at most. A second Ctrl-C ends it at once.

                EXAMPLES
                  weir server                          on http://127.0.0.1:8081
                  \(App.commandName) server --port 0 --dir /var/lib/weir
                  WEIR_SERVER_TOKEN=… \(App.commandName) server --host 0.0.0.0
                """)
    }

    @Option(help: ArgumentHelp("Address to bind; any but loopback needs a token (default 127.0.0.1).", valueName: "address"))
    var host: String?
    @Option(help: ArgumentHelp("Port; 0: any free one (default 8081).", valueName: "port"))
    var port: String?
    @Option(help: ArgumentHelp("The registry and the jobs' logs (default data/server).", valueName: "folder"))
    var dir: String?
    @Option(help: ArgumentHelp("File with the token that clients must present (also: WEIR_SERVER_TOKEN).", valueName: "file"))
    var tokenFile: String?
    @Option(help: ArgumentHelp("YAML file of settings (also: WEIR_CONFIG).", valueName: "file"))
    var config: String?
    @Option(help: ArgumentHelp("A setting; may be repeated.", valueName: "key=value"))
    var set: [String] = []
    @Flag(help: "When the server ends, stop its jobs first, each with a last checkpoint.")
    var stopJobs = false

    func run() async throws {
        let configuration = try resolve()
        let host = configuration[ControlSettings.serverHost]
        let token = configuration[ControlSettings.serverToken]
        guard token != nil || LoopbackHost.isAddress(host) else {
            throw ConfigurationRefusal([
                "\(configuration.origin(of: ControlSettings.serverHost)): on \(host) others could run programs here; "
                    + "give the server a token (--token-file or WEIR_SERVER_TOKEN), or bind 127.0.0.1"
            ])
        }
        try LogBootstrap.install(configuration)
        let log = Logger(label: "weir.server")
        let metrics = MetricRegistry()
        ProcessMetrics.register(in: metrics)
        let folder = URL(fileURLWithPath: configuration[ControlSettings.serverFolder]).standardizedFileURL.path
        var options = Supervisor.Options(folder: folder)
        options.savepointMillis = Int64(configuration[ControlSettings.savepointTimeout])
        let supervisor = try Supervisor(options, registry: try JobRegistry(folder: folder), log: log)
        let server = ControlServer(
            host: host, port: configuration[ControlSettings.serverPort], supervisor: supervisor, rule: AccessRule(token: token),
            version: App.version, settings: JobSnapshot.SettingReading.all(of: configuration), metrics: metrics, log: log)
        let application = server.application { port in
            let shown = host.contains(":") ? "[\(host)]" : host
            log.info("weir server", metadata: ["url": "http://\(shown):\(port)", "dir": "\(folder)"])
            try? StandardOutput.write("weir server on http://\(shown):\(port)\n".utf8)
        }
        var quiet = log
        quiet.logLevel = .error
        let group = ServiceGroup(
            services: [SupervisorService(supervisor: supervisor, stopsJobs: stopJobs), application], logger: quiet)
        let signals = StopSignals(
            first: { _ in Task { await group.triggerGracefulShutdown() } },
            second: { _ in log.warning("ended at once; jobs that still run go on without a server") })
        defer { signals.cancel() }
        do {
            try await group.run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw CommandFailure(
                "port \(server.port) of \(host) is in use by another process; choose another with --port (0: any)")
        } catch let error as IOError {
            throw CommandFailure("the server cannot listen on \(host):\(server.port): \(ErrorText.of(error.errnoCode))")
        } catch is SocketAddressError {
            throw CommandFailure("the server cannot listen on '\(host)': there is no such address; see --host")
        }
    }

    private func resolve() throws -> Configuration {
        var layers = ConfigurationLayers(file: config)
        layers.settings = set
        let given = [
            (ControlSettings.serverHost.key, host), (ControlSettings.serverPort.key, port),
            (ControlSettings.serverFolder.key, dir),
        ]
        for case (let key, let value?) in given {
            layers.flags.append((key: key.name, flag: "--\(key.flag ?? key.name)", value: value))
        }
        try ControlFlags.addToken(tokenFile, to: &layers)
        return try layers.resolve(App.configurationTable())
    }
}

/// The supervisor's life inside the server's.
private struct SupervisorService: Service {
    let supervisor: Supervisor
    let stopsJobs: Bool

    func run() async throws {
        await cancelWhenGracefulShutdown { await supervisor.run() }
        if stopsJobs { await supervisor.stopAll() }
    }
}
