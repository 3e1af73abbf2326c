import StreamRuntime

/// How one seed runs its workload: settings, and what goes wrong when. Pure; all of it comes from the seed.
struct SimulationPlan {
    enum Event: Hashable {
        /// `kill -9`, or the whole computer: then the disk loses what was not synced.
        case crash(ofComputer: Bool)
        /// The process stands still, another one takes over, and it wakes up later.
        case stall
        case network(loss: Int, late: Int, millis: Int64)
        case coordinatorMoves(millis: Int64)
        case diskFull(millis: Int64)
        case diskSlow(millis: Int64)
        case clockJump(millis: Int64)
        /// Down for longer than a broker keeps offsets: of the whole job, or, by somebody's hand, of one partition.
        case offsetsExpire(one: Bool)
        case storeTrouble(throttled: Int, unanswered: Int, millis: Int64)
    }
    struct Timed {
        let nanos: Int64
        let event: Event
    }
    struct AtPoint {
        let point: FaultPoint
        /// The how-many-th time it is met.
        let hit: Int
        let event: Event
    }

    var timed: [Timed] = []
    var atPoints: [AtPoint] = []
    let feedNanos: Int64
    let checkpointIntervalMillis: Int
    let batchRecords: Int
    let retainedCheckpoints: Int
    let keyGroups = 16
    let parallelismMax: Int

    static let transactionTimeoutNanos: Int64 = 20_000_000_000
    static let epochTimeoutMillis = 10_000
    private static let seedsOfAPoint: UInt64 = 7

    init(seed: UInt64, decidesOnBroker: Bool) {
        var random = SimulationRandom(seed: seed &* 0x9E37_79B9 &+ 17)
        feedNanos = Int64.random(in: 4_000...16_000, using: &random) * 1_000_000
        checkpointIntervalMillis = [100, 200, 300, 500, 900].randomElement(using: &random) ?? 300
        batchRecords = [1, 3, 16, 128].randomElement(using: &random) ?? 16
        retainedCheckpoints = Int.random(in: 2...3, using: &random)
        parallelismMax = Int.random(in: 1...3, using: &random)
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            timed.append(
                Timed(
                    nanos: Int64.random(in: 0...feedNanos, using: &random),
                    event: Self.event(decidesOnBroker, &random)))
        }
        timed.sort { $0.nanos < $1.nanos }
        // Every point has its turn, a few seeds long: as seeds take workloads in turn too, each point meets each workload.
        let points = FaultPoint.allCases
        let turn = Int(seed / Self.seedsOfAPoint % UInt64(points.count))
        for index in 0..<Int.random(in: 1...3, using: &random) {
            let point = index == 0 ? points[turn] : points.randomElement(using: &random) ?? .barrier
            let event: Event =
                decidesOnBroker && Int.random(in: 0..<4, using: &random) == 0
                ? .stall : .crash(ofComputer: Bool.random(using: &random))
            atPoints.append(AtPoint(point: point, hit: Self.hit(of: point, &random), event: event))
        }
    }

    /// Points of a start are met a few times in a run, others with every checkpoint or file.
    private static func hit(of point: FaultPoint, _ random: inout SimulationRandom) -> Int {
        switch point {
        case .genesisDecided, .drain: 1
        case .recoveryBegin, .fenced, .decisionRead, .restored: Int.random(in: 1...3, using: &random)
        default: Int.random(in: 1...12, using: &random)
        }
    }

    private static func event(_ decidesOnBroker: Bool, _ random: inout SimulationRandom) -> Event {
        let millis = Int64.random(in: 300...6_000, using: &random)
        switch Int.random(in: 0..<(decidesOnBroker ? 14 : 9), using: &random) {
        case 0, 1, 2: return .crash(ofComputer: false)
        case 3, 4: return .crash(ofComputer: true)
        case 5: return .diskFull(millis: millis)
        case 6: return .diskSlow(millis: millis)
        case 7: return .clockJump(millis: Int64.random(in: -3_600_000...3_600_000, using: &random))
        case 8:
            return .storeTrouble(
                throttled: Int.random(in: 0...40, using: &random), unanswered: Int.random(in: 0...20, using: &random),
                millis: millis)
        case 9: return .coordinatorMoves(millis: millis)
        case 10: return .offsetsExpire(one: Bool.random(using: &random))
        case 11: return .stall
        default:
            return .network(
                loss: Int.random(in: 0...25, using: &random), late: Int.random(in: 0...25, using: &random), millis: millis)
        }
    }
}
