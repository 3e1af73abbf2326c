import WeirKit

/// The examples, as jobs of an executable: `weir run word-count`.
public let exampleJobs: [any ConfiguredJob.Type] = [
    AbandonedCarts.self, AdClickThrough.self, AlertRules.self, AuditTrail.self, ClickstreamSessions.self, CreditChecks.self,
    CurrencyConversion.self, Deduplication.self, DeliveryQuotes.self, DeviceTwins.self, Enrichment.self, FraudPattern.self,
    HotItems.self, Leaderboard.self, OrderTopic.self, OrdersWithShipments.self, ParcelBelts.self, PriceCandles.self,
    RiverGauges.self, SensorFleet.self, ServiceLoad.self, WordCount.self,
]
