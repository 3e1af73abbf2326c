import StreamRuntime

/// How much trouble a drill makes, and of which kinds.
public struct TroublePlan: Sendable, Hashable {
    /// Kills in all; nil: troubles of all kinds without end.
    public var kills: Int?
    /// Kinds beside the kills.
    public var others: Set<Trouble.Kind>
    /// From one trouble to the next on average, milliseconds.
    public var everyMillis: Int

    public init(kills: Int?, others: Set<Trouble.Kind> = [], everyMillis: Int = 1_000) {
        self.kills = kills
        self.others = others
        self.everyMillis = max(1, everyMillis)
    }

    /// How often a kind comes up, in relation to the others.
    static func weight(_ kind: Trouble.Kind) -> Int {
        switch kind {
        case .kill: 10
        case .standstill: 5
        case .fullDisk, .restart, .brokerRestart: 2
        case .injected: 0
        }
    }
}

/// The troubles of a drill, one after the other, as a seed gives them: the same plan and seed, the same troubles.
public struct TroubleSchedule: Sequence, IteratorProtocol, Sendable {
    public struct Step: Sendable, Hashable {
        /// From the end of the trouble before, milliseconds.
        public let afterMillis: Int
        public let trouble: Trouble
    }

    /// This share of the troubles comes so soon that the process is still starting, of every hundred.
    static let soonPercent = 20
    static let soonMillisMax = 300
    static let standstillMillis = 200...3_000
    static let fullDiskMillis = 500...3_000

    private let plan: TroublePlan
    private var random: SeededGenerator
    /// What is still to come; nil: drawn one by one, without end.
    private var rest: [Trouble.Kind]?

    public init(_ plan: TroublePlan, seed: UInt64) {
        self.plan = plan
        random = SeededGenerator(seed: seed)
        guard let kills = plan.kills else { return }
        var kinds = [Trouble.Kind](repeating: .kill, count: kills)
        for kind in Self.sorted(plan.others) {
            let count = kills * TroublePlan.weight(kind) / TroublePlan.weight(.kill)
            kinds += [Trouble.Kind](repeating: kind, count: Swift.max(1, count))
        }
        rest = kinds.shuffled(using: &random)
    }

    public mutating func next() -> Step? {
        guard let kind = nextKind() else { return nil }
        let every = plan.everyMillis
        let isSoon = Int.random(in: 0..<100, using: &random) < Self.soonPercent
        let after =
            isSoon
            ? Int.random(in: 0...Self.soonMillisMax, using: &random) : Int.random(in: every / 5...every * 9 / 5, using: &random)
        return Step(afterMillis: after, trouble: trouble(kind))
    }

    private mutating func nextKind() -> Trouble.Kind? {
        if rest != nil { return rest?.popLast() }
        let kinds = [.kill] + Self.sorted(plan.others)
        var ticket = Int.random(in: 0..<kinds.reduce(0) { $0 + TroublePlan.weight($1) }, using: &random)
        return kinds.first { kind in
            ticket -= TroublePlan.weight(kind)
            return ticket < 0
        }
    }

    private mutating func trouble(_ kind: Trouble.Kind) -> Trouble {
        switch kind {
        case .kill, .injected: .kill
        case .standstill: .standstill(millis: Int.random(in: Self.standstillMillis, using: &random))
        case .fullDisk: .fullDisk(millis: Int.random(in: Self.fullDiskMillis, using: &random))
        case .restart: .restart
        case .brokerRestart: .brokerRestart
        }
    }

    /// In the order of the declaration: a set's own order differs from process to process.
    private static func sorted(_ kinds: Set<Trouble.Kind>) -> [Trouble.Kind] {
        Trouble.Kind.allCases.filter { kinds.contains($0) && $0 != .kill && $0 != .injected }
    }
}
