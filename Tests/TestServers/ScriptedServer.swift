import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on a free port of 127.0.0.1 in front of another, which answers some requests as a test says: what a real
/// service answers now and then, and its stand-in never does. Keeps what it was asked. Any task.
public final class ScriptedServer: Sendable {
    public struct Request: Sendable {
        public let method: String
        public let path: String
        /// Names in lower case.
        public let headers: [String: String]
        public let body: String
        fileprivate let head: HTTPRequestHead

        fileprivate init(_ head: HTTPRequestHead, _ body: ByteBuffer) {
            self.head = head
            method = head.method.rawValue
            path = head.uri
            headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
            self.body = String(buffer: body)
        }
    }

    public struct Answer: Sendable {
        public var status: Int
        public var headers: [String: String]
        public var body: String

        public init(_ status: Int, _ headers: [String: String] = [:], _ body: String = "") {
            (self.status, self.headers, self.body) = (status, headers, body)
        }
    }

    public enum Reply: Sendable {
        /// The server's own answer.
        case pass
        /// This, and the server is not asked.
        case answer(Answer)
        /// The connection ends in the middle of this answer.
        case cut(Answer)
        /// The server does what it is asked, and the connection ends before its answer.
        case passAndHangUp
        /// The server does what it is asked, and the connection stays open without an answer.
        case passAndFallSilent
        /// The server is asked for this instead, and its answer is changed.
        case change(body: @Sendable (String) -> String, answer: @Sendable (Answer) -> Answer)
    }

    public let port: Int
    private let upstream: String
    private let isMeant: @Sendable (Request) -> Bool
    private let server: NIOAsyncChannel<Client, Never>
    private let script: Mutex<[Reply]>
    private let asked = Mutex<[Request]>([])
    private let running = Mutex<Task<Void, Never>?>(nil)

    private typealias Client = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>
    private static let bodyBytesMax = 16 << 20

    /// Runs until `stop`. The requests that are meant get these replies, one each, and are passed on after that; all others are
    /// passed on always.
    public init(
        to upstreamPort: Int, replies: [Reply], when isMeant: @escaping @Sendable (Request) -> Bool = { _ in true }
    ) async throws {
        upstream = "http://127.0.0.1:\(upstreamPort)"
        self.isMeant = isMeant
        script = Mutex(replies)
        server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return try Client(wrappingChannelSynchronously: channel)
                }
            }
        port = server.channel.localAddress?.port ?? 0
        running.withLock { $0 = Task { await self.serve() } }
    }

    /// The requests that were meant, in the order in which they came.
    public var requests: [Request] { asked.withLock { $0 } }

    public func stop() async {
        let task = running.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    private func serve() async {
        try? await server.executeThenClose { clients in
            try await withThrowingDiscardingTaskGroup { group in
                for try await client in clients { group.addTask { try? await self.serve(client) } }
            }
        }
    }

    private func serve(_ client: Client) async throws {
        try await client.executeThenClose { parts, answers in
            var head: HTTPRequestHead?
            var body = ByteBuffer()
            for try await part in parts {
                switch part {
                case .head(let next):
                    head = next
                    body.clear()
                case .body(var bytes):
                    body.writeBuffer(&bytes)
                case .end:
                    guard let head, try await self.answer(Request(head, body), answers) else { return }
                }
            }
        }
    }

    /// Returns whether the connection goes on.
    private func answer(_ request: Request, _ answers: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>) async throws -> Bool
    {
        switch next(request) {
        case .pass:
            try await write(try await pass(request, request.body), answers)
        case .answer(let answer):
            try await write(answer, answers)
        case .cut(let answer):
            try await write(answer, answers, isWhole: false)
            return false
        case .passAndHangUp:
            _ = try await pass(request, request.body)
            return false
        case .passAndFallSilent:
            _ = try await pass(request, request.body)
            try await Task.sleep(for: .seconds(3600))
        case .change(let body, let answer):
            try await write(answer(try await pass(request, body(request.body))), answers)
        }
        return true
    }

    private func next(_ request: Request) -> Reply {
        guard isMeant(request) else { return .pass }
        asked.withLock { $0.append(request) }
        return script.withLock { $0.isEmpty ? .pass : $0.removeFirst() }
    }

    private func pass(_ request: Request, _ body: String) async throws -> Answer {
        var passed = HTTPClientRequest(url: upstream + request.path)
        passed.method = request.head.method
        for (name, value) in request.head.headers where !Self.hopNames.contains(name.lowercased()) {
            passed.headers.add(name: name, value: value)
        }
        if !body.isEmpty { passed.body = .bytes(ByteBuffer(string: body)) }
        let answer = try await HTTPClient.shared.execute(passed, timeout: .seconds(30))
        let bytes = try await answer.body.collect(upTo: Self.bodyBytesMax)
        let headers = answer.headers.filter { !Self.hopNames.contains($0.name.lowercased()) }.map {
            ($0.name.lowercased(), $0.value)
        }
        return Answer(
            Int(answer.status.code), Dictionary(headers, uniquingKeysWith: { first, _ in first }), String(buffer: bytes))
    }

    private static let hopNames: Set<String> = ["connection", "content-length", "transfer-encoding", "keep-alive"]

    private func write(
        _ answer: Answer, _ answers: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, isWhole: Bool = true
    ) async throws {
        var headers = HTTPHeaders(answer.headers.map { ($0.key, $0.value) })
        // A cut answer announces a byte more than comes.
        headers.add(name: "content-length", value: "\(answer.body.utf8.count + (isWhole ? 0 : 1))")
        try await answers.write(
            .head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status), headers: headers)))
        try await answers.write(.body(.byteBuffer(ByteBuffer(string: answer.body))))
        if isWhole { try await answers.write(.end(nil)) }
    }
}
