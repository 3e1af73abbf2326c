import Foundation
import StreamRuntime
import Testing
import Trading
import TradingDrills
import TradingStores

extension AllDrills {
    /// Real Kafka, Redis and DynamoDB; the worker is killed with SIGKILL at random moments, the servers never are.
    @Suite struct KafkaDrillTests {
        @Test func copyingLosesAndDoublesNothing() throws {
            let folder = try DrillFolder()
            let kafka = try KafkaSide()
            let count = DrillSize.pick(20_000, 100_000)
            let (from, to) = ("drill-from", "drill-to")
            try kafka.makeTopics([from, to])
            try kafka.produce(from, (0..<count).map { (Array("key-\($0 % 500)".utf8), Array("\($0)".utf8)) })
            try killAtRandom(
                kills: DrillSize.pick(6, 20), folder,
                [
                    "run", "copy", "--set", "transport=kafka://\(kafka.bootstrap)", "--set", "copy.from=\(from)",
                    "--set", "copy.to=\(to)", "--namespace", folder.path,
                ]
            ) { try kafka.readCommitted(to).count >= count }
            let numbers = try kafka.readCommitted(to).compactMap { Int(String(decoding: $0, as: UTF8.self)) }
            #expect(Set(numbers).count == count)
            #expect(numbers.count == count, "\(numbers.count - count) doubled")
            var last: [Int: Int] = [:]
            for number in numbers {
                #expect(number > last[number % 500] ?? -1, "key \(number % 500) is out of order")
                last[number % 500] = number
            }
        }

        @Test func tradesAreExecutedExactlyOnce() async throws {
            let folder = try DrillFolder()
            let kafka = try KafkaSide()
            let endpoint = try KafkaSide.environment("WEIR_TEST_DYNAMODB_ENDPOINT")
            let redis = try KafkaSide.environment("WEIR_TEST_REDIS_URL")
            let count = DrillSize.pick(2_500, 100_000)
            let topics = ["trade_orders", "trade_executed", "trade_rejected", "trade_orders.dlq"]
            try kafka.makeTopics(topics)
            let prefix = "drill-\(UInt32.random(in: 0 ... .max))-"
            let portfoliosURL = "dynamodb://eu-west-1?endpoint=\(endpoint)&table-prefix=\(prefix)"
            let credentials = ["AWS_ACCESS_KEY_ID": "drill", "AWS_SECRET_ACCESS_KEY": "drill"]
            let cash = try Money("100000.00")
            let portfolios = try PortfolioStores.open(portfoliosURL, environment: credentials)
            _ = try await (portfolios as? DynamoDBPortfolioStore)?.provision()
            try await seedPrices(redis)
            let orders = makeOrders(count)
            for user in Set(orders.map(\.userID)) { _ = try await portfolios.openAccount(user, cash: cash) }
            try kafka.produce(
                "trade_orders",
                orders.map { (Array($0.userID.text.utf8), $0.encoded()) } + [(Array("odd".utf8), Array("{not an order".utf8))])

            setenv("AWS_ACCESS_KEY_ID", "drill", 1)
            setenv("AWS_SECRET_ACCESS_KEY", "drill", 1)
            let distinct = Set(orders.map(\.orderID)).count
            try killAtRandom(
                kills: DrillSize.pick(6, 20), folder,
                [
                    "run", "trade-execution", "--set", "transport=kafka://\(kafka.bootstrap)",
                    "--set", "portfolios=\(portfoliosURL)", "--set", "prices=\(redis)", "--namespace", folder.path,
                    "--set", "trading.price-age-max=1d", "--set", "trading.in-flight-max=64",
                ]
            ) { try kafka.readCommitted("trade_executed").count + kafka.readCommitted("trade_rejected").count >= distinct }

            var outcomes = OrderOutcomes()
            for order in orders { outcomes.add(order) }
            for value in try kafka.readCommitted("trade_executed") { outcomes.add(try Trade.decode(value)) }
            for value in try kafka.readCommitted("trade_rejected") { outcomes.add(try Rejection.decode(value)) }
            #expect(outcomes.duplicates > 0)
            outcomes.findings().check()
            #expect(try kafka.readCommitted("trade_orders.dlq").count == 1, "the undecodable record")
            outcomes.checkConservation(try await portfolios.allPortfolios(), openingCash: cash)
            await portfolios.close()
        }

        private func makeOrders(_ count: Int) -> [Order] {
            var settings = OrderGenerator.Settings(startMillis: 1_700_000_000_000)
            settings.usersCount = 100
            settings.duplicateMillionths = 30_000
            settings.invalidMillionths = 30_000
            let generator = OrderGenerator(settings)
            return (0..<Int64(count)).map { generator.order(at: $0) }
        }

        private func seedPrices(_ redis: String) async throws {
            let prices = try PriceStores.open(redis + "?ttl-seconds=86400")
            let now = SystemClock().wallMillis()
            _ = try await prices.update(
                Listing.standard.map {
                    PriceTick(symbol: $0.symbol, price: $0.basePrice, seq: now * 1000, timestampMillis: now)
                })
            await prices.close()
        }

        /// Runs the job again and again, killing it at random moments, then until it is done; ends it with SIGTERM.
        private func killAtRandom(
            kills: Int, _ folder: DrillFolder, _ arguments: [String], isDone: () throws -> Bool
        ) throws {
            let all =
                arguments + [
                    "--checkpoint-dir", "\(folder.path)/checkpoints", "--set", "data=\(folder.path)/data",
                    "--checkpoint-interval", "100ms", "--metrics-port", "0", "--log-format", "json",
                ]
            let log = "\(folder.path)/log.txt"
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<kills {
                let process = try WeirProcess(all, log: log)
                usleep(UInt32.random(in: 200_000...2_000_000, using: &generator))  // the random moment
                process.kill()
            }
            let last = try WeirProcess(all, log: "\(folder.path)/last.txt")
            try last.waitUntilUp()
            let deadline = Date(timeIntervalSinceNow: DrillSize.isFull ? 1200 : 180)
            while try !isDone() {
                guard last.isRunning else { throw DrillFailure("weir ended by itself: \(last.lastWords)") }
                guard Date() < deadline else { throw DrillFailure("not done in time: \(last.lastWords)") }
            }
            let code = try last.stop()
            #expect(code == 0, "exit code \(code); weir said: \(last.lastWords)")
        }
    }
}
