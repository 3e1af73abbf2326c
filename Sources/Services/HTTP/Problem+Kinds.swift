import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import StoreKit

// Problems that any route can meet.
extension Problem {
    package static func badRequest(_ detail: String) -> Problem {
        Problem("malformed-request", "The request is malformed", .badRequest, detail)
    }

    static let notFound = Problem("not-found", "There is no such resource", .notFound, "Nothing is served at this path.")

    static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Problem {
        let names = allowed.map(\.rawValue).sorted().joined(separator: ", ")
        return Problem(
            "method-not-allowed", "The method is not allowed", .methodNotAllowed, "Allowed here: \(names).",
            headers: [.allow: names])
    }

    /// Closes the connection, so that the rest of the body need not be read.
    static func contentTooLarge(_ limits: HTTPLimits) -> Problem {
        Problem(
            "content-too-large", "The body is too large", .contentTooLarge,
            "A body may have \(limits.bodyBytesMax) bytes.", headers: [.connection: "close"])
    }

    static let unsupportedMediaType = Problem(
        "unsupported-media-type", "The body is not JSON", .unsupportedMediaType, "Send content-type: application/json.")

    static let unsupportedContentEncoding = Problem(
        "unsupported-media-type", "The body is not JSON", .unsupportedMediaType,
        "Send the body as it is, without content-encoding.")

    static let timedOut = Problem(
        "timed-out", "The request took too long", .serviceUnavailable,
        "It was given up; whether it took effect is not known. Repeat it, an order with the same Idempotency-Key.",
        retryAfterSeconds: 1)

    static let failed = Problem(
        "internal-error", "Something failed here", .internalServerError,
        "The fault is logged under the request's id (header x-request-id).")

    /// A store, or another system behind this service, is in trouble.
    package static func unavailable(_ system: String, retryAfterSeconds: Int = 1) -> Problem {
        Problem(
            "unavailable", "A system this needs is unavailable", .serviceUnavailable,
            "'\(system)' does not answer at the moment; the request may be repeated.", retryAfterSeconds: retryAfterSeconds)
    }

    /// What a handler threw, as clients may see it. Words of other systems stay in the log.
    init(_ error: any Error, limits: HTTPLimits) {
        switch error {
        case let problem as Problem: self = problem
        case let refusal as ConnectionRefusal: self = Problem(refusal)
        case is NIOTooManyBytesError: self = .contentTooLarge(limits)
        case let error as StoreError where error.isRetryable: self = .unavailable("store")
        case let error as HTTPError: self = Problem(framework: error)
        case is CancellationError: self = .timedOut
        case is HTTPParserError: self = .badRequest("The request ended before its body did.")
        default: self = .failed
        }
    }

    /// What a connection is refused for.
    init(_ refusal: ConnectionRefusal) {
        switch refusal {
        case .unreadable: self = .badRequest(refusal.text)
        case .headersTooLarge:
            self.init("headers-too-large", "The header fields are too large", refusal.status, refusal.text)
        case .incomplete: self.init("request-timeout", "The request was not sent in time", refusal.status, refusal.text)
        }
    }

    /// What Hummingbird refused by itself.
    private init(framework error: HTTPError) {
        switch error.status {
        case .notFound: self = .notFound
        case .badRequest: self = .badRequest("The request could not be read.")
        default:
            self.init(
                "http-\(error.status.code)", error.status.reasonPhrase, error.status,
                "The request was refused: \(error.status.reasonPhrase).")
        }
    }
}
