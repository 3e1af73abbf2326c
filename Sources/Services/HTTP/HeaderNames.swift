import HTTPTypes

extension HTTPField.Name {
    /// Names one request in answers and logs of everything it passes.
    package static let requestID = known("x-request-id")
    /// The secret that services share; see `InternalCredential`.
    package static let internalCredential = known("x-weir-internal")
    /// Whom the gateway found the request to act for.
    package static let internalUser = known("x-weir-user")
    package static let idempotencyKey = known("idempotency-key")
    package static let traceparent = known("traceparent")
    package static let tracestate = known("tracestate")
    static let contentTypeOptions = known("x-content-type-options")
    static let contentSecurityPolicy = known("content-security-policy")
    static let referrerPolicy = known("referrer-policy")

    private static func known(_ name: String) -> HTTPField.Name {
        guard let made = HTTPField.Name(name) else { preconditionFailure("\(name) is no header name") }
        return made
    }
}
