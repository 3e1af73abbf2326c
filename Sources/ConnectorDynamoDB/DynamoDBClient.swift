import AsyncHTTPClient
import Foundation
import StoreKit

/// Calls of DynamoDB's AWS JSON 1.0 protocol: one signed POST each, bounded in time and size, never retried
/// here (who calls knows whether to).
package final class DynamoDBClient: Sendable {
    /// Where and how.
    package struct Settings: Sendable {
        package var region: String
        /// `http://host:port`; nil: the region's own.
        package var endpoint: String?
        package var timeoutMillis: Int64 = 5_000
        package var connectTimeoutMillis: Int64 = 2_000
        package var answerBytesMax = 4 << 20
        package var connectionsMax = 64

        package init(region: String, endpoint: String? = nil) {
            self.region = region
            self.endpoint = endpoint
        }
    }

    /// An answer that is no success, before it is known what it means for the call.
    package struct Refusal: Error {
        /// The exception's name without its namespace.
        package let type: String
        package let message: String
        package let status: Int
        package let body: Data
    }

    private let settings: Settings
    private let url: String
    private let host: String
    private let http: StoreHTTP
    private let credentials: AWSCredentialsChain

    package init(_ settings: Settings, environment: [String: String]) throws(StoreError) {
        let url = settings.endpoint ?? "https://dynamodb.\(settings.region).amazonaws.com"
        guard let parts = URLComponents(string: url), let name = parts.host, !name.isEmpty,
            parts.scheme == "http" || parts.scheme == "https"
        else { throw .invalid("the endpoint '\(url)' is not of the form http://host:port") }
        self.settings = settings
        self.url = url.hasSuffix("/") ? url : url + "/"
        host = parts.port.map { "\(name):\($0)" } ?? name
        var bounds = StoreHTTP.Settings()
        bounds.timeoutMillis = settings.timeoutMillis
        bounds.connectTimeoutMillis = settings.connectTimeoutMillis
        bounds.answerBytesMax = settings.answerBytesMax
        bounds.connectionsMax = settings.connectionsMax
        http = StoreHTTP(host, bounds)
        credentials = AWSCredentialsChain(
            environment: environment, http: http.client, standInAllowed: ["127.0.0.1", "localhost", "[::1]"].contains(name))
    }

    /// Ends all connections.
    package func close() async {
        await http.close()
    }

    /// Performs `operation` and gives back the answer's JSON. A refusal that means the same for every call
    /// (throttling, outage, credentials, missing table) comes as `StoreError` through `meaning`; others are
    /// offered to `judge` first, which may turn one into an answer.
    package func call(
        _ operation: String, _ payload: Data, judge: @Sendable (Refusal) -> Data? = { _ in nil }
    ) async throws(StoreError) -> Data {
        let credentials = try await credentials.credentials()
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        let headers = [
            ("content-type", "application/x-amz-json-1.0"), ("host", host), ("x-amz-target", "DynamoDB_20120810.\(operation)"),
        ]
        let signature = AWSSignature(region: settings.region, service: "dynamodb", credentials: credentials)
        let signed = signature.headers(
            method: "POST", path: "/", headers: headers, body: payload, nowMillis: WallClock.nowMillis())
        for (name, value) in headers + signed { request.headers.add(name: name, value: value) }
        request.body = .bytes(payload)
        let answer = try await http.send(request, operation)
        let body = Data(answer.body.readableBytesView)
        if answer.status == 200 { return body }
        let refusal = DynamoDBClient.refusal(answer.status, body)
        if let answer = judge(refusal) { return answer }
        if refusal.type == "ExpiredTokenException" { await self.credentials.invalidate(credentials) }
        throw DynamoDBClient.meaning(of: refusal, operation)
    }

    /// As deep as answers are: it may carry the item that is there.
    package static func refusal(_ status: Int, _ body: Data) -> Refusal {
        let object = DynamoDBRequest.object(body)
        let type = (object["__type"] as? String).map { String($0[($0.lastIndex(of: "#").map { $0 } ?? $0.startIndex)...]) }
        let message = object["message"] as? String ?? object["Message"] as? String ?? ""
        let name = (type ?? "").trimmingCharacters(in: CharacterSet(charactersIn: "#"))
        return Refusal(type: name, message: message, status: status, body: body)
    }

    /// What a refusal means when the call has no meaning of its own for it.
    package static func meaning(of refusal: Refusal, _ operation: String) -> StoreError {
        let text = "\(operation): \(refusal.type.isEmpty ? "HTTP \(refusal.status)" : refusal.type) \(refusal.message)"
        switch refusal.type {
        case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
            "LimitExceededException":
            return .throttled(text)
        case "TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException":
            return .conflict(text)
        case "InternalServerError", "InternalServerErrorException", "ServiceUnavailable", "ExpiredTokenException":
            return .unavailable(text)
        case "ResourceNotFoundException":
            return .invalid("\(text); create the tables with: weir provision")
        default:
            if refusal.status == 429 { return .throttled(text) }
            return refusal.status >= 500 ? .unavailable(text) : .invalid(text)
        }
    }
}
