import HTTPTypes

/// A request that cannot be served, and why: a status and a sentence for whoever asked.
public struct ControlError: Error, Sendable, CustomStringConvertible {
    public let status: HTTPResponse.Status
    public let description: String

    public init(_ status: HTTPResponse.Status, _ description: String) {
        self.status = status
        self.description = description
    }
}
