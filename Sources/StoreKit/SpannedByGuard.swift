import Tracing

/// A store reached by other ways than `StoreHTTP`: its calls are spans by the guard around it.
package protocol SpannedByGuard {}

extension StoreGuard {
    /// Runs `body`, in a trace as a span of it; where nothing is traced that costs a look at the task.
    func inSpan<Value: Sendable>(
        _ operation: String, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        guard makesSpans, let context = InstrumentationContext.current, !context.isEmpty else { return try await body() }
        let span = startSpan("\(breaker.name) \(operation)", context: context, ofKind: .client)
        defer { span.end() }
        do throws(StoreError) {
            return try await body()
        } catch {
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error))
            throw error
        }
    }
}
