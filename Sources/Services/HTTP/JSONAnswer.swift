import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// A value as a JSON answer that no cache keeps.
package struct JSONAnswer: ResponseGenerator, Sendable {
    private let status: HTTPResponse.Status
    private let bytes: ByteBuffer
    private let headers: HTTPFields

    package init(_ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.status = status
        self.headers = headers
        bytes = ByteBuffer(bytes: try encoder.encode(value) + [UInt8(ascii: "\n")])
    }

    package func response(from request: Request, context: some RequestContext) throws -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        return Response(status: status, headers: headers, body: .init(byteBuffer: bytes))
    }
}

extension Request {
    /// The body's bytes; throws 415 when it is not said to be JSON, 413 beyond the limit.
    package func jsonBody(_ limits: HTTPLimits) async throws -> [UInt8] {
        let type = (headers[.contentType] ?? "").prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        guard type == "application/json" else { throw Problem.unsupportedMediaType }
        let buffer = try await body.collect(upTo: limits.bodyBytesMax)
        return Array(buffer.readableBytesView)
    }
}
