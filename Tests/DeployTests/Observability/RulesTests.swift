import Testing

/// What is in deploy/observability, as Prometheus' own tool sees it.
@Suite struct RulesTests {
    @Test func theConfigurationAndItsRulesAreValid() throws {
        let check = try Promtool(["check", "config", "prometheus.yml"])
        #expect(check.status == 0 && check.output.contains("is valid prometheus config file syntax"), "\(check.output)")
        let rules = try Promtool(["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"])
        #expect(rules.status == 0 && rules.output.contains("SUCCESS"), "\(rules.output)")
    }

    @Test func everyAlertIsRaisedWhenItShouldBe() throws {
        let tests = try Promtool(["test", "rules", "alerts_test.yml"])
        #expect(tests.status == 0 && tests.output.contains("SUCCESS"), "\(tests.output)")
    }
}
