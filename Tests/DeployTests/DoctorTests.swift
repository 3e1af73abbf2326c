import Testing

@Suite struct DoctorTests {
    @Test func outcomesMustBeRememberedForAsLongAsOrdersCanComeAgain() throws {
        let good = try WeirRun(["doctor"])
        #expect(good.output.contains("ledger of outcomes: a stop of up to 21 days"), "\(good.output)\(good.errors)")
        let bad = try WeirRun(["doctor", "--set", "orders.request-ttl=30d"])
        #expect(bad.output.contains("PROBLEM   ledger of outcomes"), "\(bad.output)\(bad.errors)")
        #expect(bad.output.contains("raise trading.ledger-ttl") && bad.status == 1)
        let longer = try WeirRun(["doctor", "--set", "orders.request-ttl=30d", "--set", "trading.ledger-ttl=60d"])
        #expect(longer.output.contains("ledger of outcomes: a stop of up to 22 days"), "\(longer.output)\(longer.errors)")
    }

    /// Nothing listens on port 1.
    @Test func eachSystemThatIsAwayIsToldOfByItselfWithTheSettingThatNamesIt() throws {
        let run = try WeirRun([
            "doctor", "--set", "prices=redis://127.0.0.1:1", "--set",
            "portfolios=dynamodb://eu-west-1?endpoint=http://127.0.0.1:1",
            "--set", "history=elasticsearch://127.0.0.1:1", "--set", "analytics=clickhouse://127.0.0.1:1/trading",
        ])
        for (system, setting) in [
            ("redis", "prices"), ("dynamodb", "portfolios"), ("elasticsearch", "history"), ("clickhouse", "analytics"),
        ] {
            let lines = run.output.split(separator: "\n")
            let at = try #require(
                lines.firstIndex { $0.hasPrefix("PROBLEM   \(system): ") }, "\(system): \(run.output)\(run.errors)")
            #expect(lines[at + 1].contains("'\(setting)'"), "\(lines[at + 1])")
        }
        #expect(!run.output.contains("embedded:"), "\(run.output)")
        #expect(run.status == 1)
    }

    /// A job alone on prices that nobody writes would refuse every order.
    @Test(arguments: ["run", "submit"])
    func tradeExecutionAloneOnKafkaIsRefusedPricesOfItsOwn(_ command: String) throws {
        let run = try WeirRun([command, "trade-execution", "--set", "transport=kafka://127.0.0.1:1"])
        #expect(run.status == 2 && run.errors.contains("--set prices=redis://host:port"), "\(run.errors)")
    }

    /// As docs/history-and-analytics.md and docs/sinks.md name them.
    @Test func credentialsOfStoresComeFromTheEnvironmentAndAreNotShown() throws {
        let variables = [
            "WEIR_ELASTICSEARCH_API_KEY": "hush-1", "WEIR_ELASTICSEARCH_USER": "reader", "WEIR_ELASTICSEARCH_PASSWORD": "hush-2",
            "WEIR_CLICKHOUSE_USER": "writer", "WEIR_CLICKHOUSE_PASSWORD": "hush-3", "WEIR_TEST_BACKING": "/tmp/backing",
        ]
        let run = try WeirRun(["config"], environment: variables)
        #expect(run.status == 0, "\(run.errors)")
        for name in [
            "elasticsearch.api-key", "elasticsearch.user", "elasticsearch.password", "clickhouse.user", "clickhouse.password",
        ] {
            let line = try #require(run.output.split(separator: "\n").first { $0.hasPrefix(name + " ") }, "\(name)")
            #expect(line.contains("variable WEIR_"), "\(line)")
        }
        #expect(run.output.contains("reader") && run.output.contains("writer") && !run.output.contains("hush"))
    }

    /// A service on prices that nobody writes would refuse every order.
    @Test(arguments: ["order", "market-data"])
    func aServiceAloneIsRefusedPricesOfItsOwn(_ name: String) throws {
        let run = try WeirRun(["service", name, "--port", "0"])
        #expect(run.status == 2 && run.errors.contains("--set prices=redis://host:port"), "\(run.errors)")
    }
}
