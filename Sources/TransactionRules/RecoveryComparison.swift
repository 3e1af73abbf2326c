import StreamRuntime

/// What a start is to go on from: the decision record and the committed offsets, compared (rule 5).
/// Pure.
package struct RecoveryComparison {
    package enum Outcome: Equatable {
        /// Neither a decision nor an offset.
        case firstStart
        /// Decision and offsets agree.
        case resume(Decision)
        /// The decision stands alone: its offsets have expired, or none was ever kept on this cluster.
        case resumeFromDecisionAlone(Decision)
    }

    let job: JobID
    let island: Int
    let decisionTopic: String
    let decision: Decision?
    /// The job's, as their places are named now.
    let splits: [OwnedSplit]
    /// Of every owned split that has a broker offset here.
    package let committed: [BrokerOffset: CommittedOffset]
    /// The operator has said that a first start may begin although the group has offsets of its own.
    let acceptsBareOffsets: Bool

    package init(
        job: JobID, island: Int, decisionTopic: String, decision: Decision?, splits: [OwnedSplit],
        committed: [BrokerOffset: CommittedOffset], acceptsBareOffsets: Bool
    ) {
        self.job = job
        self.island = island
        self.decisionTopic = decisionTopic
        self.decision = decision
        self.splits = splits
        self.committed = committed
        self.acceptsBareOffsets = acceptsBareOffsets
    }

    package func outcome() throws(RecoveryRefusal) -> Outcome {
        let present = committed.filter { $0.value.offset != nil }
        #if WEIR_PLANTED
            if PlantedMistake.missingOffsetIsDefault.isOn, present.count < committed.count { return .firstStart }
        #endif
        guard let decision else {
            if present.isEmpty { return .firstStart }
            return try outcomeWithoutDecision(present)
        }
        guard decision.checkpoint.job == job, decision.checkpoint.island == island else {
            throw RecoveryRefusal(
                "the decision record of job \(job), island \(island) in '\(decisionTopic)' names checkpoint "
                    + "\(decision.checkpoint) of another job or island",
                remedy: "Something else wrote under this job's key: find it, then start under another --namespace from a "
                    + "savepoint (--from-savepoint)")
        }
        if present.isEmpty { return .resumeFromDecisionAlone(decision) }
        try compare(decision, present)
        return .resume(decision)
    }

    private func compare(
        _ decision: Decision, _ present: [BrokerOffset: CommittedOffset]
    ) throws(RecoveryRefusal) {
        let decided = decidedPlaces(decision)
        for place in committed.keys.sorted(by: Self.order) {
            switch (decided[place], present[place]) {
            case (nil, nil): continue  // a partition that is new since the decision
            case (nil, let found?):
                throw RecoveryRefusal(
                    "\(Self.name(place)) has committed offset \(found.offset ?? -1), but the last decision "
                        + "(\(decision.checkpoint)) does not know this partition",
                    remedy: Self.deleteRemedy(place))
            case (let next?, nil):
                throw RecoveryRefusal(
                    "\(Self.name(place)) has no committed offset, while others of the same job have one; the last "
                        + "decision (\(decision.checkpoint)) says \(next)",
                    remedy: "An offset was deleted by hand, or expired alone. To go on from the decision, delete "
                        + "the group's other offsets too (\(Self.deleteCommand(place)))")
            case (let next?, let found?):
                try compare(place, next, found, decision)
            }
        }
    }

    /// What is decided of each place under its name of now: a cluster goes by its list of brokers, which changes.
    private func decidedPlaces(_ decision: Decision) -> [BrokerOffset: Int64] {
        var now: [OperatorID: [String: BrokerOffset]] = [:]
        for owned in splits { now[owned.source, default: [:]][owned.split.id] = owned.split.brokerOffset }
        let decided = decision.offsets.compactMap { offset -> (BrokerOffset, Int64)? in
            guard let then = offset.brokerOffset else { return nil }
            guard let place = now[offset.source]?[offset.position.split],
                (place.group, place.topic, place.partition) == (then.group, then.topic, then.partition)
            else { return (then, offset.position.next) }
            return (place, offset.position.next)
        }
        return Dictionary(decided, uniquingKeysWith: { first, _ in first })
    }

    private func compare(
        _ place: BrokerOffset, _ next: Int64, _ found: CommittedOffset, _ decision: Decision
    ) throws(RecoveryRefusal) {
        let expected = decision.checkpoint.description
        guard found.metadata == expected else {
            let what =
                found.metadata.isEmpty
                ? "carries no checkpoint id" : "carries the metadata '\(found.metadata.prefix(200))'"
            throw RecoveryRefusal(
                "the committed offset \(found.offset ?? -1) of \(Self.name(place)) \(what) instead of \(expected)",
                remedy: "An offset-reset tool or another consumer wrote to the group. " + Self.deleteRemedy(place))
        }
        guard found.offset == next else {
            throw RecoveryRefusal(
                "the committed offset of \(Self.name(place)) is \(found.offset ?? -1), but the decision of the same "
                    + "checkpoint \(expected) says \(next)",
                remedy: Self.deleteRemedy(place))
        }
    }

    private func outcomeWithoutDecision(
        _ present: [BrokerOffset: CommittedOffset]
    ) throws(RecoveryRefusal) -> Outcome {
        let ours = present.filter { CheckpointID($0.value.metadata)?.job == job }
        if let (place, found) = ours.min(by: { Self.order($0.key, $1.key) }) {
            throw RecoveryRefusal(
                "\(Self.name(place)) has offset \(found.offset ?? -1) of checkpoint \(found.metadata), but "
                    + "'\(decisionTopic)' holds no decision of job \(job), island \(island)",
                remedy: "The decision topic was deleted, or this is another cluster or topic than before: name the old one, or "
                    + "start from a savepoint (--from-savepoint) after deleting the group's offsets "
                    + "(\(Self.deleteCommand(place)))")
        }
        if acceptsBareOffsets { return .firstStart }
        guard let (place, found) = present.min(by: { Self.order($0.key, $1.key) }) else { return .firstStart }
        throw RecoveryRefusal(
            "\(Self.name(place)) has committed offset \(found.offset ?? -1), but '\(decisionTopic)' holds no decision "
                + "of job \(job), island \(island)",
            remedy: "Use a group of the job's own (another --namespace gives it one), or delete the offsets "
                + "(\(Self.deleteCommand(place))). A job whose group belonged to another program before can say so for its "
                + "first start [in its code: KafkaTransactions(acceptBareOffsets: true)]")
    }

    private static func name(_ place: BrokerOffset) -> String {
        "\(place.topic)/\(place.partition) of group '\(place.group)'"
    }
    private static func deleteCommand(_ place: BrokerOffset) -> String {
        "kafka-consumer-groups.sh --delete-offsets --group \(place.group) --topic \(place.topic)"
    }
    private static func deleteRemedy(_ place: BrokerOffset) -> String {
        "To go on from the decision alone, delete all the group's offsets (\(deleteCommand(place)))"
    }
    private static func order(_ a: BrokerOffset, _ b: BrokerOffset) -> Bool {
        (a.group, a.topic, a.partition) < (b.group, b.topic, b.partition)
    }
}
