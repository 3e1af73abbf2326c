import Testing

/// Users are simulated against a gateway; without one they say so at once.
@Suite struct NoGatewayTests {
    @Test func withoutAGatewayItIsSaidWhereOneWasLookedFor() throws {
        let run = try WeirRun(["simulate", "orders", "--gateway", "http://127.0.0.1:1", "--orders", "1"])
        #expect(run.status == 1, "\(run.errors)")
        #expect(run.errors.contains("no gateway is reached at http://127.0.0.1:1: Connection refused"), "\(run.errors)")
        #expect(run.errors.contains("weir up"), "\(run.errors)")
    }
}
