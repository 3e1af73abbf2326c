import Testing

/// Runs one system for a whole suite, and looks through its logs at the end.
struct RunningSystem: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let system = try await SecuredSystem.start()
        defer { system.stop() }
        try await SecuredSystem.$current.withValue(system) { try await function() }
    }
}

/// Attacks on every route, one system for all of them.
@Suite(RunningSystem()) struct SecurityTests {}
