import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Tracing

/// HTTP to one store: each call bounded in time and size, its failures told as `StoreError`. Never repeats a call: who
/// calls knows whether to. Any task.
package final class StoreHTTP: Sendable {
    /// Bounds.
    package struct Settings: Sendable {
        package var timeoutMillis: Int64 = 10_000
        package var connectTimeoutMillis: Int64 = 2_000
        package var answerBytesMax = 16 << 20
        package var connectionsMax = 16

        package init() {}
    }

    /// What came back, whatever its status.
    package struct Answer: Sendable {
        package let status: Int
        package let headers: HTTPHeaders
        package let body: ByteBuffer

        package var text: String { String(buffer: body) }
    }

    private let name: String
    private let settings: Settings
    package let client: HTTPClient

    /// `name`: what messages call the store; never a URL with credentials in it.
    package init(_ name: String, _ settings: Settings = Settings()) {
        self.name = name
        self.settings = settings
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .milliseconds(settings.connectTimeoutMillis)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.connectionsMax
        // Spans are made here: the client's would hold whole URLs, statements and values of users in them.
        configuration.tracing.tracer = nil
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Ends all connections; calls under way fail.
    package func close() async { try? await client.shutdown() }

    /// Performs the request, as a span of the trace the caller is in; `operation` names it there and in messages.
    package func send(_ request: HTTPClientRequest, _ operation: String) async throws(StoreError) -> Answer {
        let span = startSpan(operation, ofKind: .client)
        defer { span.end() }
        var request = request
        InstrumentationSystem.instrument.inject(span.context, into: &request.headers, using: HeaderInjector())
        do {
            let answer = try await perform(request, operation)
            if span.isRecording {
                span.attributes["server.address"] = name
                span.attributes["http.response.status_code"] = answer.status
            }
            return answer
        } catch {
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error))
            throw error
        }
    }

    private func perform(_ request: HTTPClientRequest, _ operation: String) async throws(StoreError) -> Answer {
        do {
            let response = try await client.execute(request, timeout: .milliseconds(settings.timeoutMillis))
            let body = try await response.body.collect(upTo: settings.answerBytesMax)
            return Answer(status: Int(response.status.code), headers: response.headers, body: body)
        } catch let error as HTTPClientError where error == .connectTimeout {
            throw .unavailable("\(operation): \(name) does not accept connections")
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout {
            throw .timeout("\(operation): no answer from \(name) within \(settings.timeoutMillis) ms")
        } catch let error as HTTPClientError where error == .alreadyShutdown {
            throw .unavailable("the store is closed")
        } catch is CancellationError {
            throw .unavailable("\(operation): cancelled")
        } catch is NIOTooManyBytesError {
            throw .invalid("\(operation): \(name) answered more than \(settings.answerBytesMax) bytes; ask for less")
        } catch {
            throw .unavailable("\(operation): \(name): \(error)")
        }
    }
}

/// Writes a trace's context into the fields of a request.
private struct HeaderInjector: Injector {
    func inject(_ value: String, forKey name: String, into headers: inout HTTPHeaders) {
        headers.replaceOrAdd(name: name, value: value)
    }
}
