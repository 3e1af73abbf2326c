import Foundation
import HTTPServing
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Turns what handlers return and throw into answers: JSON, and for errors `{"errors": ["…"]}`, as Flink's clients expect.
struct AnswerMiddleware: RouterMiddleware {
    typealias Context = BasicRequestContext
    let rule: AccessRule
    let log: Logger
    /// Paths that anyone may read: the page, which holds nothing.
    let isOpen: @Sendable (String) -> Bool
    let methods: MethodTable

    func handle(
        _ request: Request, context: BasicRequestContext, next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let response = try await answer(request, context, next)
        // Refusals, too: a client reads no body after HEAD, and would take one for its next answer.
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(
        _ request: Request, _ context: BasicRequestContext, _ next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        if let refusal = HostRule.refusal(request.head) {
            return try Answer.errors(.badRequest, [refusal], headers: [.connection: "close"])
        }
        do {
            let isFree = [.get, .head].contains(request.method) && isOpen(request.uri.path)
            if !isFree,
                let refusal = rule.refusal(
                    method: request.method, host: request.head.authority,
                    origin: request.headers[.origin], authorization: request.headers[.authorization])
            {
                throw refusal
            }
            return try await next(request, context)
        } catch let error as ControlError {
            let fields: HTTPFields =
                switch error.status {
                case .unauthorized: [.wwwAuthenticate: "Bearer"]
                // So that the rest of the body need not be read.
                case .contentTooLarge: [.connection: "close"]
                default: [:]
                }
            return try Answer.errors(error.status, [error.description], headers: fields)
        } catch let error as HTTPError {
            let allowed = methods.allowed(request.uri.path).map(\.rawValue).joined(separator: ", ")
            if error.status == .notFound, !allowed.isEmpty {
                return try Answer.errors(
                    .methodNotAllowed, ["\(request.method) is not allowed here: \(allowed)"], headers: [.allow: allowed])
            }
            let text = error.status == .notFound ? "Not found: \(request.uri.path)" : error.body ?? "\(error.status)"
            return try Answer.errors(error.status, [text])
        } catch {
            log.error("a request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            // What failed may hold words of the inside.
            return try Answer.errors(.internalServerError, ["the request failed; the server's log says why"])
        }
    }
}

enum Answer {
    static func json(_ body: JSON, _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) throws -> Response {
        data(try body.bytes(), jsonType, status, headers: headers)
    }

    static func errors(_ status: HTTPResponse.Status, _ texts: [String], headers: HTTPFields = [:]) throws -> Response {
        try json(errorBody(texts), status, headers: headers)
    }

    /// As connections say it that end with it.
    static func refusal(_ text: String) -> ErrorAnswer? {
        (try? errorBody([text]).bytes()).map { ErrorAnswer(fields(jsonType), ByteBuffer(bytes: $0)) }
    }

    private static let jsonType = "application/json; charset=utf-8"

    private static func errorBody(_ texts: [String]) -> JSON { ["errors": JSON(texts.map { JSON($0) })] }

    static func data(
        _ bytes: Data, _ contentType: String, _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var fields = fields(contentType)
        for field in headers { fields[field.name] = field.value }
        return Response(status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// What every answer has.
    static func fields(_ contentType: String) -> HTTPFields {
        var fields: HTTPFields = [.contentType: contentType, .cacheControl: "no-store"]
        if let nosniff = HTTPField.Name("X-Content-Type-Options") { fields[nosniff] = "nosniff" }
        return fields
    }
}
