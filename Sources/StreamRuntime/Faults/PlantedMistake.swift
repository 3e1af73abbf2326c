#if WEIR_PLANTED
    import Synchronization

    /// Mistakes that exactly-once protocols are known for. Each is a switch beside the line that keeps the promise it
    /// breaks, there only in builds with `WEIR_PLANTED`; the simulator must catch every one (docs/proof.md).
    package enum PlantedMistake: String, CaseIterable, Sendable {
        // The holes of the protocol that its design closes.
        case recordsPastTheTopic = "records-past-the-topic"
        case unstableOffsets = "unstable-offsets"
        case idOfEachAttempt = "id-of-each-attempt"
        case commitAfterFailure = "commit-after-failure"
        case doubtfulProducer = "doubtful-producer"
        case reusedCheckpointNames = "reused-checkpoint-names"
        case missingOffsetIsDefault = "missing-offset-is-default"
        case effectOfReplay = "effect-of-replay"
        case decidedBeforeDurable = "decided-before-durable"

        // Mistakes of an implementation.
        case unalignedBarriers = "unaligned-barriers"
        case positionsTooEarly = "positions-too-early"
        case requestsForgotten = "requests-forgotten"
        case unsyncedFiles = "unsynced-files"
        case unsyncedRename = "unsynced-rename"
        case earlyCleanup = "early-cleanup"
        case boundlessCleanup = "boundless-cleanup"
        case filesOfOtherShares = "files-of-other-shares"
        case fastestWatermark = "fastest-watermark"
        case overlappingEpochs = "overlapping-epochs"
        case noGenesis = "no-genesis"
        case idlePartitionsOmitted = "idle-partitions-omitted"
        case unacknowledgedEffects = "unacknowledged-effects"

        /// One at a time, for the whole process.
        private static let planted = Atomic<Int>(-1)

        package static func plant(_ mistake: PlantedMistake?) {
            planted.store(mistake.flatMap { allCases.firstIndex(of: $0) } ?? -1, ordering: .sequentiallyConsistent)
        }

        package var isOn: Bool {
            let index = Self.planted.load(ordering: .relaxed)
            return index >= 0 && Self.allCases[index] == self
        }
    }
#endif
