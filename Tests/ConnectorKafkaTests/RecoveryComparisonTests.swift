import ConnectorKafka
import StreamRuntime
import Testing
import TransactionRules

/// Every combination of what two owned partitions can show, with and without a decision.
@Suite struct RecoveryComparisonTests {
    private enum Shown: CaseIterable {
        case absent, agreeing, blank, foreign, otherOffset, otherCheckpoint
    }

    private static let checkpoint = CheckpointID(
        job: job, island: 0, epoch: Epoch(7), attempt: AttemptID("0123456789abcdef") ?? .random())
    private static let places = (0..<2).map { BrokerOffset(domain: "kafka://x", group: "g", topic: "in", partition: $0) }
    private static let decided = Decision(
        checkpoint: checkpoint, manifestHash: "0011223344556677",
        offsets: places.map {
            SourceOffset(source: "in", position: SplitPosition(split: "in/\($0.partition)", next: 5), brokerOffset: $0)
        })

    private func committed(_ shown: Shown) -> CommittedOffset {
        let other = CheckpointID(job: job, island: 0, epoch: Epoch(6), attempt: Self.checkpoint.attempt)
        return switch shown {
        case .absent: CommittedOffset(offset: nil, metadata: "")
        case .agreeing: CommittedOffset(offset: 5, metadata: Self.checkpoint.description)
        case .blank: CommittedOffset(offset: 5, metadata: "")
        case .foreign: CommittedOffset(offset: 5, metadata: "other tool")
        case .otherOffset: CommittedOffset(offset: 4, metadata: Self.checkpoint.description)
        case .otherCheckpoint: CommittedOffset(offset: 5, metadata: other.description)
        }
    }

    private func outcome(
        _ decision: Decision?, _ shown: [Shown], at places: [BrokerOffset] = places, acceptsBareOffsets: Bool = false
    ) -> Result<RecoveryComparison.Outcome, RecoveryRefusal> {
        let splits = places.map { place in
            OwnedSplit(source: "in", split: SourceSplit(id: "in/\(place.partition)", start: 0, brokerOffset: place))
        }
        let comparison = RecoveryComparison(
            job: job, island: 0, decisionTopic: "weir-decisions", decision: decision, splits: splits,
            committed: Dictionary(uniqueKeysWithValues: zip(places, shown.map(committed))),
            acceptsBareOffsets: acceptsBareOffsets)
        return Result { () throws(RecoveryRefusal) in try comparison.outcome() }
    }

    @Test func everyCombination_isDecidedAsTheRuleSays() throws {
        for first in Shown.allCases {
            for second in Shown.allCases {
                let shown = [first, second]
                check(shown, with: outcome(Self.decided, shown))
                checkWithout(shown, outcome(nil, shown), bare: outcome(nil, shown, acceptsBareOffsets: true))
            }
        }
    }

    private func check(_ shown: [Shown], with outcome: Result<RecoveryComparison.Outcome, RecoveryRefusal>) {
        switch outcome {
        case .success(.resume(let decision)):
            #expect(shown == [.agreeing, .agreeing] && decision == Self.decided)
        case .success(.resumeFromDecisionAlone): #expect(shown == [.absent, .absent])
        case .success(.firstStart): Issue.record("a first start although there is a decision: \(shown)")
        case .failure(let refusal):
            let culprit = shown.firstIndex { $0 != .agreeing } ?? 0
            #expect(refusal.description.contains("in/\(culprit) of group 'g'"), "\(shown): \(refusal)")
            #expect(!refusal.remedy.isEmpty)
            #expect(shown != [.absent, .absent] && shown != [.agreeing, .agreeing])
        }
    }

    private func checkWithout(
        _ shown: [Shown], _ outcome: Result<RecoveryComparison.Outcome, RecoveryRefusal>,
        bare: Result<RecoveryComparison.Outcome, RecoveryRefusal>
    ) {
        let areAllAbsent = shown.allSatisfy { $0 == .absent }
        let isOurs = shown.contains { $0 == .agreeing || $0 == .otherOffset || $0 == .otherCheckpoint }
        #expect((try? outcome.get()) == (areAllAbsent ? .firstStart : nil), "\(shown)")
        #expect((try? bare.get()) == (isOurs ? nil : .firstStart), "bare \(shown)")
    }

    @Test func partitionNewSinceTheDecision_isAllowedWithoutOffset_refusedWithOne() {
        let one = Decision(
            checkpoint: Self.checkpoint, manifestHash: "0011223344556677", offsets: [Self.decided.offsets[0]])
        #expect((try? outcome(one, [.agreeing, .absent]).get()) == .resume(one))
        #expect((try? outcome(one, [.agreeing, .agreeing]).get()) == nil)
    }

    /// The same cluster, reached by another list of brokers than when the decision was taken.
    @Test func otherBrokersInTheList_areTheSameCluster_andWhatDisagreesIsStillRefused() {
        let renamed = Self.places.map { place in
            BrokerOffset(domain: "kafka://x,y", group: place.group, topic: place.topic, partition: place.partition)
        }
        #expect((try? outcome(Self.decided, [.agreeing, .agreeing], at: renamed).get()) == .resume(Self.decided))
        for shown in [Shown.absent, .blank, .foreign, .otherOffset, .otherCheckpoint] {
            #expect((try? outcome(Self.decided, [.agreeing, shown], at: renamed).get()) == nil, "\(shown)")
        }
    }

    /// Offsets of a source on another cluster, with a group and a topic of the same names, are not this one's.
    @Test func aSourceElsewhere_isNotTakenForThisOne() {
        let elsewhere = Decision(
            checkpoint: Self.checkpoint, manifestHash: "0011223344556677",
            offsets: Self.decided.offsets
                + Self.places.map { place in
                    SourceOffset(
                        source: "other", position: SplitPosition(split: "in/\(place.partition)", next: 9),
                        brokerOffset: BrokerOffset(
                            domain: "kafka://z", group: place.group, topic: place.topic, partition: place.partition))
                })
        #expect((try? outcome(elsewhere, [.agreeing, .agreeing]).get()) == .resume(elsewhere))
    }

    @Test func decisionOfAnotherIsland_isRefused() {
        let foreign = Decision(
            checkpoint: CheckpointID(job: job, island: 3, epoch: Epoch(1), attempt: .random()), manifestHash: "x",
            offsets: [])
        let refused = outcome(foreign, [.absent, .absent])
        #expect((try? refused.get()) == nil)
        #expect(remedy(refused)?.contains("--namespace") == true && remedy(refused)?.contains("--from-savepoint") == true)
    }

    /// Whoever runs a job that others wrote has flags, and no code to change.
    @Test func whatToDoWithoutADecision_isToldInFlagsFirst() throws {
        #expect(remedy(outcome(nil, [.agreeing, .agreeing]))?.contains("--from-savepoint") == true)
        let bare = try #require(remedy(outcome(nil, [.blank, .blank])))
        let flag = try #require(bare.firstRange(of: "--namespace"))
        let code = try #require(bare.firstRange(of: "acceptBareOffsets"))
        #expect(flag.upperBound < code.lowerBound)
    }

    private func remedy(_ outcome: Result<RecoveryComparison.Outcome, RecoveryRefusal>) -> String? {
        if case .failure(let refusal) = outcome { refusal.remedy } else { nil }
    }
}
