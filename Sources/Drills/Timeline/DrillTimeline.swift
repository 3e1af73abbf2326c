/// What happened when: outputs as they became visible, troubles, and how long each took to get over.
///
/// Times are milliseconds since the drill began and never go back. Bounded: long drills are kept in wider buckets.
public struct DrillTimeline: Sendable {
    /// One trouble.
    public struct Mark: Sendable, Hashable, Codable {
        public let kind: Trouble.Kind
        public let beganMillis: Int
        /// When the outside had done its part: the process was killed, woken, the disk had room again.
        public internal(set) var endedMillis: Int?
        /// From `beganMillis` for a kill, else from `endedMillis`, to the first output that was not there before. Nil when the
        /// next trouble came first, or nothing came any more.
        public internal(set) var recoveryMillis: Int?
        public let note: String?
    }

    public private(set) var marks: [Mark] = []
    /// Outputs that became visible in each bucket of `bucketMillis`, from the beginning on.
    public private(set) var buckets: [Int] = []
    public private(set) var bucketMillis: Int
    /// All outputs seen so far.
    public private(set) var outputs = 0
    /// When `outputs` last grew.
    public private(set) var lastOutputMillis = 0
    /// Of the last mark, when it is over and has not been recovered from.
    private var open: Int?

    static let bucketsMax = 2_000

    public init(bucketMillis: Int = 100) { self.bucketMillis = max(1, bucketMillis) }

    /// A trouble begins; returns its place among the marks. One that was not recovered from never will be.
    public mutating func begin(_ kind: Trouble.Kind, atMillis: Int, note: String? = nil) -> Int {
        open = nil
        marks.append(Mark(kind: kind, beganMillis: atMillis, endedMillis: nil, recoveryMillis: nil, note: note))
        return marks.count - 1
    }

    /// The trouble is over. What is visible by now was there before. (Unless another has begun meanwhile, the next output is
    /// its recovery.)
    public mutating func end(_ mark: Int, atMillis: Int) {
        marks[mark].endedMillis = atMillis
        if mark == marks.count - 1 { open = mark }
    }

    /// `outputs` in all are visible.
    public mutating func observe(outputs now: Int, atMillis: Int) {
        guard now > outputs else { return }
        let bucket = bucket(of: atMillis)
        if buckets.count <= bucket { buckets += [Int](repeating: 0, count: bucket + 1 - buckets.count) }
        buckets[bucket] += now - outputs
        outputs = now
        lastOutputMillis = atMillis
        guard let open else { return }
        marks[open].recoveryMillis = atMillis - Self.start(of: marks[open])
        self.open = nil
    }

    /// True until the last trouble is got over.
    public var isRecovering: Bool { open != nil }

    private static func start(of mark: Mark) -> Int {
        switch mark.kind {
        case .kill, .injected: mark.beganMillis
        case .standstill, .fullDisk, .restart, .brokerRestart: mark.endedMillis ?? mark.beganMillis
        }
    }

    private mutating func bucket(of millis: Int) -> Int {
        while millis / bucketMillis >= Self.bucketsMax {
            bucketMillis *= 2
            buckets = stride(from: 0, to: buckets.count, by: 2).map { buckets[$0..<min($0 + 2, buckets.count)].reduce(0, +) }
        }
        return max(0, millis) / bucketMillis
    }
}
