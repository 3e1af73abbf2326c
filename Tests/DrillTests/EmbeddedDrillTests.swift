import ConnectorLog
import Foundation
import Testing
import Trading
import TradingStores

extension Drills {
    /// The whole system on the embedded log, killed with SIGKILL at random moments while orders flow.
    @Suite struct EmbeddedDrillTests {
        @Test func killsLoseAndDoubleNothing() async throws {
            let folder = try DrillFolder()
            let kills = DrillSize.pick(15, 200)
            let orders = DrillSize.pick(8_000, 100_000)
            var generator = SystemRandomNumberGenerator()
            let arguments = [
                "up", "--set", "data=\(folder.path)/data", "--checkpoint-dir", "\(folder.path)/checkpoints",
                "--checkpoint-interval", "50ms", "--metrics-port", "0", "--set", "orders.max=\(orders)",
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
            outcomes.check()
            let portfolios = try RocksDBPortfolioStore(path: "\(folder.path)/data/portfolios")
            outcomes.checkConservation(try await portfolios.allPortfolios(), openingCash: try Money("1000000.00"))
            await portfolios.close()
            print("embedded drill: \(kills) kills, \(orders) order records, \(outcomes.trades.count) trades, \(outcomes.rejections.count) rejections")
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

        private func read(_ store: LogStore) throws -> Outcomes {
            var outcomes = Outcomes()
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
