import HTTPTypes
import TraceContext

/// W3C trace context of requests. A handler hands on `APIContext.trace`: with a tracer that is the request's span, without
/// one what came with the request, so that a trace does not end here.
extension TraceHeaders {
    /// What came with a request. What is not well-formed is left out.
    init(incoming headers: HTTPFields) {
        self.init(checking: headers[.traceparent], tracestate: headers[.tracestate])
    }
}
