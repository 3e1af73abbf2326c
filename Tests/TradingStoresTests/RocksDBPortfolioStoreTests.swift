import Foundation
import StoreKit
import TestKit
import Testing
import Trading
import TradingStores

/// What only the embedded store does: files, locks, batches.
@Suite struct RocksDBPortfolioStoreTests {
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = TemporaryFolder()
        try await body(folder.path)
    }

    @Test func whatWasAcknowledgedIsThereAfterReopening() async throws {
        try await withFolder { path async throws in
            let user = Fixture.user()
            let first = try RocksDBPortfolioStore(path: path)
            _ = try await first.openAccount(user, cash: Money(units: 1_000_000))
            let commit = try Fixture.fill(Fixture.order(user, "1"), Portfolio(cash: Money(units: 1_000_000)))
            #expect(try await first.commit(commit) == .committed)
            await first.close()
            let second = try RocksDBPortfolioStore(path: path)
            #expect(try await second.portfolio(user, consistent: true) == commit.newPortfolio)
            #expect(try await second.commit(commit) == .executionExists(commit.record))
            await second.close()
        }
    }

    /// The files as a crash would leave them: copied while the store is open and has synced its log.
    @Test func acknowledgedCommitsSurviveWithoutAClose() async throws {
        try await withFolder { path async throws in
            let user = Fixture.user()
            let store = try RocksDBPortfolioStore(path: path + "/live")
            _ = try await store.openAccount(user, cash: Money(units: 1_000_000))
            try FileManager.default.copyItem(atPath: path + "/live", toPath: path + "/crashed")
            try? FileManager.default.removeItem(atPath: path + "/crashed/LOCK")
            let recovered = try RocksDBPortfolioStore(path: path + "/crashed")
            #expect(try await recovered.portfolio(user, consistent: true)?.cash.units == 1_000_000)
            await recovered.close()
            await store.close()
        }
    }

    @Test func aSecondOwnerIsRefusedByName() async throws {
        try await withFolder { path async throws in
            let store = try RocksDBPortfolioStore(path: path)
            let error = #expect(throws: StoreError.self) { try RocksDBPortfolioStore(path: path) }
            #expect(error?.description.contains(path) == true)
            #expect(error?.isRetryable == false)
            await store.close()
        }
    }

    /// An empty store in its place would be worse than none: everybody would begin anew.
    @Test func aStoreWhoseCurrentFileIsGoneIsNotMadeAnew() async throws {
        try await withFolder { path async throws in
            let store = try RocksDBPortfolioStore(path: path)
            _ = try await store.openAccount(OrderGenerator.user(1), cash: Money(units: 1))
            await store.close()
            try FileManager.default.removeItem(atPath: path + "/CURRENT")
            for _ in 0..<2 {
                let error = #expect(throws: StoreError.self) { try RocksDBPortfolioStore(path: path) }
                #expect(error?.description.contains("CURRENT is missing") == true)
            }
        }
    }

    /// What a kill in the middle of making it leaves.
    @Test func aStoreThatWasNeverMadeIsMade() async throws {
        try await withFolder { path async throws in
            for name in ["LOCK", "LOG", "000001.dbtmp"] {
                #expect(FileManager.default.createFile(atPath: path + "/" + name, contents: nil))
            }
            let store = try RocksDBPortfolioStore(path: path)
            #expect(try await store.openAccount(OrderGenerator.user(1), cash: Money(units: 1)))
            await store.close()
        }
    }

    /// RocksDB refuses every write after one that failed: a full disk that has room again must not stop the store for ever.
    @Test func aWriteThatFailedOnAFullDiskLeavesAStoreThatGoesOn() async throws {
        try await withFolder { path async throws in
            let store = try RocksDBPortfolioStore(path: path)
            let (first, second) = (OrderGenerator.user(1), OrderGenerator.user(2))
            #expect(try await store.openAccount(first, cash: Money(units: 1)))
            // What the log is written to has no room: its descriptor leads to the device that is always full.
            let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
            let log = try #require(Self.descriptor(of: ".log", in: path), "no open log in \(path)")
            #expect(dup2(full, log) == log)
            close(full)
            let error = await #expect(throws: StoreError.self) { try await store.openAccount(second, cash: Money(units: 2)) }
            #expect(error?.isRetryable == true, "\(error.map { "\($0)" } ?? "")")

            var isOpened = false
            for _ in 0..<500 where !isOpened {
                do throws(StoreError) {
                    _ = try await store.openAccount(second, cash: Money(units: 2))
                    isOpened = true
                } catch {
                    #expect(error.isRetryable, "\(error)")
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            #expect(isOpened)
            #expect(try await store.allPortfolios().mapValues(\.cash.units) == [first: 1, second: 2])
            await store.close()
            // A line in RocksDB's own log after one that found no room ends the process, where it is built with assertions.
            #expect(try Data(contentsOf: URL(fileURLWithPath: path + "/LOG")).isEmpty)
            let reopened = try RocksDBPortfolioStore(path: path)
            #expect(try await reopened.allPortfolios().mapValues(\.cash.units) == [first: 1, second: 2])
            await reopened.close()
        }
    }

    /// The newest open file of this process in a folder whose name ends like this.
    private static func descriptor(of suffix: String, in folder: String) -> Int32? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { Int32($0) }.filter { descriptor in
            let file = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")) ?? ""
            return file.hasPrefix(folder) && file.hasSuffix(suffix)
        }.max()
    }

    /// Conditions are judged against what the same batch has staged: of many commits at one version that
    /// arrive together exactly one passes.
    @Test func oneBatchJudgesItsOwnRequestsInOrder() async throws {
        try await withFolder { path async throws in
            let store = try RocksDBPortfolioStore(path: path)
            let user = Fixture.user()
            let portfolio = Portfolio(cash: Money(units: 10_000_000))
            _ = try await store.openAccount(user, cash: portfolio.cash)
            let results = try await withThrowingTaskGroup(of: CommitResult.self) { group in
                for index in 0..<500 {
                    let commit = try Fixture.fill(Fixture.order(user, "\(index)"), portfolio)
                    group.addTask { try await store.commit(commit) }
                }
                return try await group.reduce(into: [CommitResult]()) { $0.append($1) }
            }
            #expect(results.filter { $0 == .committed }.count == 1)
            #expect(results.filter { $0 == .versionMoved }.count == 499)
            await store.close()
        }
    }

    @Test func aFullQueueIsThrottling() async throws {
        try await withFolder { path async throws in
            var settings = RocksDBPortfolioStore.Settings()
            settings.queuedMax = 1
            let store = try RocksDBPortfolioStore(path: path, settings: settings)
            let throttled = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<400 {
                    group.addTask {
                        do throws(StoreError) {
                            _ = try await store.openAccount(Fixture.user(), cash: .zero)
                            return false
                        } catch {
                            return error.kind == "throttled"
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(throttled > 0)
            await store.close()
        }
    }

    /// Reported, not asserted: commits a second with thousands waiting, each synced before it is answered.
    @Test func throughputIsMeasured() async throws {
        try await withFolder { path async throws in
            let store = try RocksDBPortfolioStore(path: path)
            let users = (0..<4_000).map { UserID("user-\($0)")! }
            for part in users.chunks(of: 1_000) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for user in part { group.addTask { _ = try await store.openAccount(user, cash: Money(units: .max / 2)) } }
                    try await group.waitForAll()
                }
            }
            let rounds = 25
            let started = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for user in users {
                    group.addTask {
                        var portfolio = Portfolio(cash: Money(units: .max / 2))
                        for round in 0..<rounds {
                            let commit = try Fixture.fill(Fixture.order(user, "\(round)"), portfolio)
                            guard try await store.commit(commit) == .committed, let next = commit.newPortfolio else {
                                throw StoreError.invalid("not committed")
                            }
                            portfolio = next
                        }
                    }
                }
                try await group.waitForAll()
            }
            let seconds = (ContinuousClock.now - started) / .seconds(1)
            print("MEASURED RocksDBPortfolioStore: \(Int(Double(users.count * rounds) / seconds)) commits/s")
            let sum = try await store.allPortfolios().values.reduce(0) { $0 + $1.version }
            #expect(sum == Int64(users.count * (rounds + 1)))
            await store.close()
        }
    }
}
