import HTTPTypes

/// What a request's head says of its body. Pure.
package enum BodyRule {
    /// Whether it announces more than `max` bytes.
    package static func isTooLarge(_ request: HTTPRequest, max: Int) -> Bool {
        guard let length = request.headerFields[.contentLength] else { return false }
        // It is a number, or the parser had refused it; what is no `Int` is larger than any.
        return (Int(length) ?? .max) > max
    }
}
