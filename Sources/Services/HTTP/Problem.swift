import Foundation
import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore

/// An error as RFC 9457 says it to clients: `application/problem+json` with a stable `type`.
///
/// Thrown from any handler; it becomes the response. Nothing in it comes from outside systems' own words: those
/// go to the log.
package struct Problem: Error, Hashable, Sendable {
    /// The kind of problem: the last part of its `type` URI, stable across versions.
    package let slug: String
    package let title: String
    package let status: HTTPResponse.Status
    /// What to do about this occurrence.
    package var detail: String
    /// Seconds after which a repetition may succeed.
    package var retryAfterSeconds: Int?
    /// Further header fields of the answer.
    package var headers: HTTPFields

    package init(
        _ slug: String, _ title: String, _ status: HTTPResponse.Status, _ detail: String, retryAfterSeconds: Int? = nil,
        headers: HTTPFields = [:]
    ) {
        self.slug = slug
        self.title = title
        self.status = status
        self.detail = detail
        self.retryAfterSeconds = retryAfterSeconds
        self.headers = headers
    }

    /// What every `type` begins with.
    package static let typeBase = "https://weir.dev/problems/"
}

extension Problem: HTTPResponseError {
    package func response(from request: Request, context: some RequestContext) throws -> Response {
        try response()
    }

    func response() throws -> Response {
        Response(status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(bytes: try json())))
    }

    /// As connections say it that end with it.
    var answer: ErrorAnswer? { (try? json()).map { ErrorAnswer(fields, ByteBuffer(bytes: $0)) } }

    private var fields: HTTPFields {
        var fields = headers
        fields[.contentType] = "application/problem+json"
        fields[.cacheControl] = "no-store"
        fields[.contentTypeOptions] = "nosniff"
        if let retryAfterSeconds { fields[.retryAfter] = String(retryAfterSeconds) }
        return fields
    }

    /// The body.
    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(
            Body(type: Problem.typeBase + slug, title: title, status: status.code, detail: detail))
    }

    private struct Body: Encodable {
        let type: String
        let title: String
        let status: Int
        let detail: String
    }
}
