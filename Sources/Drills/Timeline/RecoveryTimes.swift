/// How long troubles of one kind took to get over.
public struct RecoveryTimes: Sendable, Hashable, Codable {
    public let kind: Trouble.Kind
    public let troubles: Int
    /// Those after which an output came before the next trouble.
    public let measured: Int
    public let p50Millis: Int?
    public let p99Millis: Int?
    public let maxMillis: Int?

    public init(_ kind: Trouble.Kind, _ marks: [DrillTimeline.Mark]) {
        let ours = marks.filter { $0.kind == kind }
        let times = ours.compactMap(\.recoveryMillis)
        self.kind = kind
        troubles = ours.count
        measured = times.count
        p50Millis = Percentile.of(times, percent: 50)
        p99Millis = Percentile.of(times, percent: 99)
        maxMillis = times.max()
    }

    /// One for each kind that occurred.
    public static func all(_ marks: [DrillTimeline.Mark]) -> [RecoveryTimes] {
        Trouble.Kind.allCases.map { RecoveryTimes($0, marks) }.filter { $0.troubles > 0 }
    }
}

public enum Percentile {
    /// The smallest value that at least `percent` of the values do not exceed (nearest rank); nil of nothing.
    public static func of(_ values: [Int], percent: Int) -> Int? {
        guard !values.isEmpty else { return nil }
        let rank = (values.count * percent + 99) / 100
        return values.sorted()[min(max(rank, 1), values.count) - 1]
    }
}
