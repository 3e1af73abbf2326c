import Trading
import TradingStores
import WeirKit

/// The settings of the trading system. What is not set runs embedded, under the data folder.
enum TradingSettings {
    static let transport = Setting.optionalString(
        "transport", help: "What carries the topics: log:///path (default: under the data folder) or kafka://host:port[,…].")
    static let kafkaProperties = Setting.list(
        "kafka.properties", help: "Client properties for Kafka, e.g. security.protocol=SASL_SSL; passed through.", isSecret: true)
    static let portfolios = Setting.optionalString(
        "portfolios", help: "rocksdb:///path (default: under the data folder), dynamodb://region[?endpoint=…], or memory:.",
        isSecret: false)
    static let storeMemory = Setting.bytes(
        "stores.memory", default: 64 << 20, in: (1 << 20)...(64 << 30),
        help: "Memory of the embedded portfolios and of the embedded order ledger, each.")
    static let prices = Setting.string(
        "prices", default: "memory:", help: "memory:, redis://host:port, or rediss://host:port for TLS.")

    static let symbols = Setting.list(
        "trading.symbols", default: Listing.standard.map(\.symbol.text), help: "Symbols that are traded.")
    static let users = Setting.integer("trading.users", default: 1000, in: 1...10_000_000, help: "Simulated users.")
    static let startingCash = Setting.string(
        "trading.starting-cash", default: "1000000.00", help: "Cash a simulated user's account is opened with.")
    static let seed = Setting.integer("trading.seed", default: 1, in: 0 ... .max, help: "Seed of prices and orders.")
    static let priceAgeMax = Setting.millis(
        "trading.price-age-max", default: 60_000, in: 1 ... .max, help: "An older price refuses an order as STALE_PRICE.")
    static let priceWait = Setting.millis(
        "trading.price-wait", default: 5_000, in: 0...600_000, help: "How long an order waits for a symbol's first price.")
    static let inFlightMax = Setting.integer(
        "trading.in-flight-max", default: 4096, in: 1...1_000_000, help: "Orders being executed at a time, per subtask.")

    static let ledgerTTL = Setting.millis(
        "trading.ledger-ttl", default: Int(ExecutionRecord.rememberedMillis), in: 2 * 86_400_000...3_650 * 86_400_000,
        help: "How long outcomes of orders, and the orders, are remembered; the same for the job and the order service.")
    static let acceptOldCheckpoint = Setting.bool(
        "trading.accept-old-checkpoint", default: false,
        help: "Go on from a checkpoint older than the ledger of outcomes remembers; safe after a stop in good order.")

    static let ordersPerSecond = Setting.integer(
        "orders.rate", default: 1000, in: 1...10_000_000, help: "Simulated orders a second.")
    static let ordersMax = Setting.optionalInteger("orders.max", in: 0 ... .max, help: "Stop after so many orders.")
    static let limitShare = Setting.integer(
        "orders.limit-percent", default: 30, in: 0...100, help: "Share of LIMIT orders.")
    static let invalidShare = Setting.integer(
        "orders.invalid-percent", default: 2, in: 0...100, help: "Share of orders that make no sense.")
    static let duplicateShare = Setting.integer(
        "orders.duplicate-percent", default: 1, in: 0...100, help: "Share of orders that are an earlier one again.")
    static let ticksPerSecond = Setting.integer(
        "prices.rate", default: 200, in: 1...10_000_000, help: "Simulated price changes a second, over all symbols.")

    static let copyFrom = Setting.optionalString("copy.from", help: "copy: the topic to read.")
    static let copyTo = Setting.optionalString("copy.to", help: "copy: the topic to write.")

    static let keys: [ConfigurationKey] = [
        transport.key, kafkaProperties.key, portfolios.key, storeMemory.key, prices.key, symbols.key, users.key,
        startingCash.key, seed.key, priceAgeMax.key, priceWait.key, inFlightMax.key, ledgerTTL.key, acceptOldCheckpoint.key,
        ordersPerSecond.key, ordersMax.key,
        limitShare.key, invalidShare.key, duplicateShare.key, ticksPerSecond.key, copyFrom.key, copyTo.key,
    ]
}
