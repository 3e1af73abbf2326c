import ConnectorLog
import Foundation
import Testing
import Trading
import TradingDrills
import TradingStores

extension AllDrills {
    /// The whole system on the embedded log, killed with SIGKILL at random moments while orders flow.
    @Suite struct EmbeddedDrillTests {
        @Test func killsLoseAndDoubleNothing() async throws {
            let folder = try DrillFolder()
            let kills = DrillSize.pick(15, 200)
            let orders = DrillSize.pick(8_000, 100_000)
            var generator = SystemRandomNumberGenerator()
            let arguments = [
                "up", "--set", "data=\(folder.path)/data", "--checkpoint-dir", "\(folder.path)/checkpoints",
                "--checkpoint-interval", "50ms", "--metrics-port", "0", "--gateway-port", "0", "--set", "orders.max=\(orders)",
                "--set", "orders.rate=\(max(1000, orders * 4 / (kills + 4)))", "--set", "trading.users=200",
                "--set", "orders.duplicate-percent=3", "--set", "orders.invalid-percent=3", "--log-format", "json",
            ]
            for _ in 0..<kills {
                let process = try WeirProcess(arguments, log: "\(folder.path)/log.txt")
                usleep(UInt32.random(in: 50_000...700_000, using: &generator))  // the random moment
                process.kill()
            }
            let last = try WeirProcess(arguments, log: "\(folder.path)/last.txt")
            try last.waitUntilUp()
            try waitUntilDecided(folder, orders, last)
            let code = try last.stop()
            #expect(code == 0, "exit code \(code); weir said: \(last.lastWords)")

            let store = try LogStore(path: "\(folder.path)/data/log", reading: true)
            let outcomes = try read(store)
            #expect(outcomes.ordersCount + outcomes.duplicates == orders)
            #expect(outcomes.duplicates > 0)
            outcomes.findings().check()
            let portfolios = try RocksDBPortfolioStore(path: "\(folder.path)/data/portfolios")
            outcomes.checkConservation(try await portfolios.allPortfolios(), openingCash: try Money("1000000.00"))
            await portfolios.close()
            try await checkCopies(of: outcomes.trades, in: "\(folder.path)/data")
            print(
                "embedded drill: \(kills) kills, \(orders) order records, \(outcomes.trades.count) trades, \(outcomes.rejections.count) rejections"
            )
        }

        /// History and analytics hold exactly the executed trades.
        private func checkCopies(of trades: [Trade], in data: String) async throws {
            let history = try TradeHistoryStores.open("sqlite://\(data)/history.sqlite")
            #expect(try await history.count() == trades.count)
            for (user, executed) in Dictionary(grouping: trades, by: \.userID) {
                var query = TradeQuery(user: user, limit: TradeQuery.limitMax)
                var recorded: Set<Trade> = []
                repeat {
                    let page = try await history.search(query)
                    recorded.formUnion(page.trades)
                    query.after = page.next
                } while query.after != nil
                #expect(recorded == Set(executed), "the history of \(user)")
            }
            await history.close()
            let analytics = try TradeAnalyticsStores.open("sqlite://\(data)/analytics.sqlite")
            let totals = try await analytics.totals()
            #expect(totals.trades == Int64(trades.count))
            #expect(totals.shares == trades.reduce(0) { $0 + $1.quantity })
            #expect(totals.notional.units == trades.reduce(0) { $0 + $1.notional.units })
            #expect(try await MinuteBars.differences(analytics, from: trades) == [])
            await analytics.close()
        }

        private func waitUntilDecided(_ folder: DrillFolder, _ orders: Int, _ process: WeirProcess) throws {
            let store = try LogStore(path: "\(folder.path)/data/log", reading: true)
            let deadline = Date(timeIntervalSinceNow: Double(120 + orders / 500))
            while Date() < deadline {
                let outcomes = try read(store)
                if outcomes.ordersCount + outcomes.duplicates == orders, outcomes.outcomesCount >= outcomes.ordersCount { return }
                guard process.isRunning else { throw DrillFailure("weir ended by itself") }
                usleep(200_000)
            }
            throw DrillFailure("not every order was decided in time")
        }

        private func read(_ store: LogStore) throws -> OrderOutcomes {
            var outcomes = OrderOutcomes()
            try forEach(store, "trade_orders") { outcomes.add(try Order.decode($0)) }
            try forEach(store, "trade_executed") { outcomes.add(try Trade.decode($0)) }
            try forEach(store, "trade_rejected") { outcomes.add(try Rejection.decode($0)) }
            return outcomes
        }

        private func forEach(_ store: LogStore, _ topic: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
            guard let found = try store.topic(topic) else { return }
            for partition in 0..<found.partitions {
                let id = LogTopicPartition(topic: topic, partition: partition)
                let reader = try store.reader(id, at: try store.offsets(id).lowerBound)
                while let record = try reader.next() { try body(try #require(record.value)) }
            }
        }
    }
}
