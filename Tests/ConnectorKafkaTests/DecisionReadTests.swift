import CRdKafka
import ConnectorKafka
import StreamRuntime
import Synchronization
import Testing

@Suite struct PartitionScanTests {
    /// What comes of a look at 4..<7, and whether each record told lies in it.
    private func scan(_ heard: [Heard]) -> (scan: PartitionScan, steps: [PartitionScan.Step], isWithin: [Bool]) {
        var scan = PartitionScan(from: 4, to: 7)
        var steps: [PartitionScan.Step] = []
        var isWithin: [Bool] = []
        for one in heard {
            switch one {
            case .record(let offset): isWithin.append(scan.passes(recordAt: offset))
            case .other(let code, let offset): steps.append(scan.hears(code, at: offset))
            }
        }
        return (scan, steps, isWithin)
    }

    private enum Heard {
        case record(Int64)
        case other(rd_kafka_resp_err_t, Int64)
        static func end(_ offset: Int64) -> Heard { .other(RD_KAFKA_RESP_ERR__PARTITION_EOF, offset) }
    }

    @Test func itEndsWithTheLastRecordOfTheStretch_orBehindIt() {
        #expect(scan([]).scan.next == 4 && !scan([]).scan.isComplete)
        #expect(scan([.record(4)]).scan.next == 5 && !scan([.record(4)]).scan.isComplete)
        #expect(scan([.record(4), .record(6)]).isWithin == [true, true] && scan([.record(4), .record(6)]).scan.isComplete)
        let compacted = scan([.record(9)])
        #expect(compacted.isWithin == [false] && compacted.scan.isComplete, "what would be between is gone")
        #expect(PartitionScan(from: 4, to: 4).isComplete)
    }

    @Test func controlRecordsAtTheEnd_arePassedWithTheEnd() {
        let ended = scan([.record(5), .end(7)])
        #expect(ended.steps == [.goesOn] && ended.scan.isComplete)
    }

    /// A replica that has not caught up would otherwise hide the last decision.
    @Test func anEndThatIsToldTooEarly_isNone() {
        let early = scan([.end(4), .end(5)])
        #expect(early.steps == [.goesOn, .goesOn] && !early.scan.isComplete && early.scan.next == 5)
        let later = scan([.end(4), .end(5), .record(6)])
        #expect(later.isWithin == [true] && later.scan.isComplete)
    }

    @Test func whatPassesIsWaitedFor_whatIsOfTheGroupPassedOver_theRestFails() {
        let told = scan([
            .other(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, -1001),
            .other(RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, -1001),
            .other(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 4), .other(RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, 4),
        ])
        #expect(told.steps == [.waits, .goesOn, .fails, .fails] && told.scan.next == 4)
    }
}

/// Does something once older owners are fenced, which is before the decision is read.
private final class OnceFenced: FaultInjector {
    let isFenced = Flag()
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func reached(_ point: FaultPoint) throws {
        guard point == .fenced else { return }
        body()
        isFenced.set()
    }
}

extension KafkaTests {
    @Suite struct ReadingDecisions {
        /// A cluster with one decision, whose next owner finds these errors; what its start comes to.
        private func recovered(
            _ apiKey: Int16, _ errors: [rd_kafka_resp_err_t], millisPerLook: Int64 = 0, _ log: RuntimeLog = .silent
        ) throws -> Decision? {
            let cluster = try MockCluster(["in", "out", "weir-decisions"])
            let configuration = try KafkaConfiguration(bootstrapServers: cluster.bootstrap)
            let first = IslandOwner(
                job: job, jobName: "kafka", island: 0, attempt: .random(), splits: [], log: .silent, isCancelled: { false })
            let before = KafkaTransactions(configuration)
            #expect(try before.recover(first) == nil)
            try before.commit(decision(first, 0))
            before.close()
            let clock = MovableClock()
            let faults = OnceFenced { cluster.push(apiKey, errors) }
            let owner = IslandOwner(
                job: job, jobName: "kafka", island: 0, attempt: .random(), splits: [], log: log,
                isCancelled: {
                    if faults.isFenced.isSet { clock.advance(millis: millisPerLook) }
                    return false
                }, faults: faults)
            let transactions = KafkaTransactions(configuration, clock: clock)
            defer { transactions.close() }
            let found = try transactions.recover(owner)
            #expect(found == decision(first, 0))
            return found
        }

        /// Clusters with access rules allow the groups of jobs, and none that a client has but does not use.
        @Test func aGroupThatIsNotAllowed_keepsNobodyFromReading() throws {
            let refusals = Array(repeating: RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, count: 1_000)
            #expect(try recovered(MockCluster.findCoordinator, refusals) != nil)
        }

        @Test func aBrokersOwnTrouble_isNoRefusal_whatMayNotBeUsedIsOne() throws {
            for (code, isForGood) in [(RD_KAFKA_RESP_ERR_UNKNOWN, false), (RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, true)] {
                let cluster = try MockCluster(["weir-decisions"])
                cluster.set("weir-decisions", code)
                let transactions = try KafkaTransactions(KafkaConfiguration(bootstrapServers: cluster.bootstrap))
                defer { transactions.close() }
                let owner = IslandOwner(
                    job: job, jobName: "kafka", island: 0, attempt: .random(), splits: [], log: .silent, isCancelled: { false })
                #expect { try transactions.recover(owner) } throws: { ($0 is any UnrestartableError) == isForGood }
            }
        }

        /// The one that holds a source's offsets has to be allowed: who waits for it would wait for good.
        @Test func aSourcesGroupThatIsNotAllowed_isSaid() throws {
            let cluster = try MockCluster(["in"])
            cluster.push(
                MockCluster.findCoordinator, Array(repeating: RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, count: 1_000))
            let source = try seenSource(cluster.bootstrap, ["in"], start: .committed)
            #expect { try source.discoverSplits(sourceContext(isCancelled: LogLines().cancels(after: "never"))) } throws: {
                "\($0)".contains("GROUP_AUTHORIZATION_FAILED") && "\($0)".contains("let the client's user use the group")
            }
        }

        @Test func aPartitionThatCannotBeRead_isWaitedForAndThenSaysSo() throws {
            let lines = LogLines()
            let refusals = Array(repeating: RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, count: 1_000)
            #expect { try recovered(MockCluster.fetch, refusals, millisPerLook: 10_000, lines.log) } throws: {
                "\($0)".contains("weir-decisions/0 ends at") && "\($0)".contains("kafka-topics.sh --describe")
                    && !($0 is any UnrestartableError)
            }
            #expect(lines.contains("waiting for decisions of weir-decisions/0"))
        }
    }
}
