import AsyncHTTPClient
import NIOCore
import NIOPosix
import WeirKit

/// Why a server was not reached, for people.
package enum ConnectionErrorText {
    package static func of(_ error: any Error) -> String {
        switch error {
        case let error as IOError: ErrorText.of(error.errnoCode)
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { of($0.error) } ?? "there is no host '\(error.host)'"
        case let error as HTTPClientError: of(error)
        default: ErrorText.of(error)
        }
    }

    private static func of(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout, .deadlineExceeded, .readTimeout: "it did not answer in time"
        case .remoteConnectionClosed: "the connection was closed"
        default: "\(error)"
        }
    }
}
