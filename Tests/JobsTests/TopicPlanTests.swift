import ConnectorLog
import Jobs
import Testing

/// How long the topics of the trading system are kept.
@Suite struct TopicPlanTests {
    private let dayMillis: Int64 = 86_400_000

    @Test func theEmbeddedLogKeepsForTheTimesOfKafka_andBoundsWhatComesInMasses() {
        let plan = TopicPlan(logBytes: 1_000)
        let kept = plan.logRetentions
        #expect(Set(kept.keys) == Set(plan.topics.map(\.name)))
        #expect(kept["market_data"] == LogRetention(bytes: 1_000, millis: dayMillis))
        #expect(kept["trade_orders"] == LogRetention(bytes: 1_000, millis: 7 * dayMillis))
        #expect(kept["trade_executed"] == .forever, "history and analytics are filled from it")
        #expect(kept["trade_rejected"] == LogRetention(millis: 30 * dayMillis), "for longer than the orders")
        for topic in ["market_data.dlq", "trade_orders.dlq", "trade_executed.dlq"] {
            #expect(kept[topic] == LogRetention(millis: 30 * dayMillis))
        }
    }

    @Test func withoutABoundTheTimesCountAlone() {
        #expect(TopicPlan(logBytes: nil).logRetentions["trade_orders"] == LogRetention(millis: 7 * dayMillis))
        #expect(TopicPlan().logRetentions["trade_orders"]?.bytes == TopicPlan.logBytesDefault)
    }
}
