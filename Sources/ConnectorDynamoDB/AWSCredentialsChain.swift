import AsyncHTTPClient
import Foundation
import StoreKit

/// Where credentials come from, looked at in this order: the environment, the shared file, the container's
/// endpoint, and for a stand-in on this machine made-up ones. Temporary ones are renewed before they end.
package actor AWSCredentialsChain {
    /// Temporary credentials are renewed this long before they end.
    package static let renewBeforeMillis: Int64 = 5 * 60_000
    private static let fetchTimeoutMillis: Int64 = 2_000
    private static let answerBytesMax = 64 << 10

    private let environment: [String: String]
    private let http: HTTPClient
    private let standInAllowed: Bool
    private let nowMillis: @Sendable () -> Int64
    private var current: AWSCredentials?
    private var renewing: Task<AWSCredentials, any Error>?

    package init(
        environment: [String: String], http: HTTPClient, standInAllowed: Bool,
        nowMillis: @escaping @Sendable () -> Int64 = { WallClock.nowMillis() }
    ) {
        self.environment = environment
        self.http = http
        self.standInAllowed = standInAllowed
        self.nowMillis = nowMillis
    }

    /// Credentials that are good now. While a renewal fails, those in hand are used until they end.
    package func credentials() async throws(StoreError) -> AWSCredentials {
        if let current, !needsRenewal(current) { return current }
        do {
            let renewed = try await renewal().value
            current = renewed
            return renewed
        } catch {
            if let current, (current.expiresAtMillis ?? .max) > nowMillis() { return current }
            throw error as? StoreError ?? .unavailable("no AWS credentials: \(error)")
        }
    }

    /// Forgets what is in hand: the service called it expired.
    package func invalidate(_ refused: AWSCredentials) {
        if current == refused { current = nil }
    }

    private func needsRenewal(_ credentials: AWSCredentials) -> Bool {
        guard let end = credentials.expiresAtMillis else { return false }
        return nowMillis() >= end - AWSCredentialsChain.renewBeforeMillis
    }

    /// One renewal at a time, shared by all who wait.
    private func renewal() -> Task<AWSCredentials, any Error> {
        if let renewing { return renewing }
        let task = Task {
            defer { renewing = nil }
            return try await find()
        }
        renewing = task
        return task
    }

    private func find() async throws -> AWSCredentials {
        if let found = AWSCredentials.fromEnvironment(environment) { return found }
        if let found = fromFile() { return found }
        if let request = try containerRequest() { return try await fetch(request) }
        if standInAllowed { return .standIn }
        throw StoreError.invalid(
            "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE with "
                + "~/.aws/credentials, or run where a container endpoint is set")
    }

    private func fromFile() -> AWSCredentials? {
        let home = environment["HOME"] ?? ""
        let path = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? "\(home)/.aws/credentials"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return AWSCredentials.fromSharedFile(text, profile: environment["AWS_PROFILE"] ?? "default")
    }

    private func containerRequest() throws -> HTTPClientRequest? {
        let url: String
        if let path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            url = "http://169.254.170.2\(path)"
        } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
            guard AWSCredentialsChain.isTrusted(full) else {
                throw StoreError.invalid(
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI \(full) is neither https nor a loopback or container address")
            }
            url = full
        } else {
            return nil
        }
        var request = HTTPClientRequest(url: url)
        if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            let token = try String(contentsOfFile: path, encoding: .utf8)
            request.headers.add(name: "authorization", value: token.trimmingCharacters(in: .whitespacesAndNewlines))
        } else if let token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            request.headers.add(name: "authorization", value: token)
        }
        return request
    }

    /// Secrets are asked for over plain HTTP only on this machine or at the container hosts' own addresses.
    package static func isTrusted(_ url: String) -> Bool {
        guard let parts = URLComponents(string: url), let host = parts.host else { return false }
        if parts.scheme == "https" { return true }
        let local = ["localhost", "127.0.0.1", "[::1]", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"]
        return parts.scheme == "http" && local.contains(host)
    }

    private func fetch(_ request: HTTPClientRequest) async throws -> AWSCredentials {
        let response = try await http.execute(request, timeout: .milliseconds(AWSCredentialsChain.fetchTimeoutMillis))
        let body = try await response.body.collect(upTo: AWSCredentialsChain.answerBytesMax)
        guard response.status == .ok, let found = AWSCredentials.fromContainer(Data(body.readableBytesView)) else {
            throw StoreError.unavailable("the container's credentials endpoint answered \(response.status.code)")
        }
        return found
    }
}
