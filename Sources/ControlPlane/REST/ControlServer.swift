import Foundation
import HTTPServing
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import StreamRuntime
import WeirKit

/// The HTTP side of a weir server: Flink's paths, at the root and under `/v1`, and the page.
struct ControlServer: Sendable {
    private static let connectionsMax = 512
    private static let headers = HTTP1Channel.Configuration.DecoderConfiguration(
        maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 16 << 10, maxHeaderFieldCount: 64)

    /// Whoever uploads a jar, which no route here takes, gets to the answer that says so.
    private static let limits = ConnectionLimits(bodyBytesMax: Request.bodyBytesMax, overrunBytesMax: 1 << 30)

    let host: String
    let port: Int
    let supervisor: Supervisor
    let rule: AccessRule
    let version: String
    let settings: [JobSnapshot.SettingReading]
    /// Of the server's own process.
    let metrics: MetricRegistry
    let log: Logger

    /// `listening` is called once, with the bound port.
    func application(listening: @escaping @Sendable (Int) -> Void) -> some Service {
        var quiet = log
        quiet.logLevel = .warning
        return Application(
            router: makeRouter(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [RequestGuard(Self.limits) { Answer.refusal($0.text) }],
                    idleTimeout: .seconds(60), httpDecoderConfiguration: Self.headers)),
            configuration: .init(
                address: .hostname(host, port: port), serverName: nil, reuseAddress: true,
                availableConnectionsDelegate: .maximum(Self.connectionsMax, logger: quiet)),
            onServerRunning: { listening($0.localAddress?.port ?? 0) }, logger: quiet)
    }

    private func makeRouter() -> Router<BasicRequestContext> {
        let bare = Router()
        addRoutes(to: bare)
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.middlewares.add(
            AnswerMiddleware(
                rule: rule, log: log, isOpen: { $0 == "/healthz" || ControlPage.paths.contains($0) },
                methods: MethodTable(bare.routes)))
        addRoutes(to: router)
        return router
    }

    private func addRoutes(to router: Router<BasicRequestContext>) {
        let flink = FlinkRoutes(supervisor: supervisor, version: version, clock: SystemClock())
        let processes = ProcessRoutes(supervisor: supervisor, settings: settings, metrics: metrics)
        let actions = ActionRoutes(supervisor: supervisor)
        for prefix in ["", "v1"] {
            let group = router.group(RouterPath(prefix))
            flink.add(to: group)
            processes.add(to: group)
            actions.add(to: group)
            AbsentRoutes.add(to: group)
        }
        MetricRoutes(supervisor: supervisor, metrics: metrics).add(to: router)
        ControlPage.add(to: router)
        router.get("/healthz") { _, _ in try Answer.json(["status": "ok"]) }
    }
}
