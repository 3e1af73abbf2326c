/// What was put in, what came out, and how the two differ.
public struct DrillFindings: Sendable, Hashable, Codable {
    /// Records that had to have a result, and results that were found.
    public var inputs: Int
    public var outputs: Int
    /// Without a result.
    public var lost = 0
    /// Results of records that have one already.
    public var duplicated = 0
    /// Results that stand behind those of later records of the same key.
    public var reordered = 0
    /// Results that are not what they should be.
    public var wrong = 0
    /// The first few, in words.
    public private(set) var details: [String] = []
    private static let detailsMax = 20

    public init(inputs: Int = 0, outputs: Int = 0) {
        self.inputs = inputs
        self.outputs = outputs
    }

    public var isExactlyOnce: Bool { lost == 0 && duplicated == 0 && reordered == 0 && wrong == 0 }

    public mutating func note(_ detail: @autoclosure () -> String) {
        if details.count < Self.detailsMax { details.append(detail()) }
    }

    /// `3 lost, 1 duplicated`; `nothing lost, duplicated, reordered or wrong`.
    public var summary: String {
        let faults = [(lost, "lost"), (duplicated, "duplicated"), (reordered, "reordered"), (wrong, "wrong")]
            .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return faults.isEmpty ? "nothing lost, duplicated, reordered or wrong" : faults.joined(separator: ", ")
    }
}
