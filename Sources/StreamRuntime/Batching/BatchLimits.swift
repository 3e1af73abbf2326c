/// When a batch is complete: whichever comes first.
public struct BatchLimits: Hashable, Sendable {
    /// Elements in a batch.
    public var countMax: Int
    /// The sum of its elements' weights, usually bytes. A heavier element is a batch of its own.
    public var bytesMax: Int
    /// How long its oldest element waits for company, in processing time.
    public var ageMax: Duration

    public init(countMax: Int = 1000, bytesMax: Int = 4 << 20, ageMax: Duration = .milliseconds(200)) {
        self.countMax = max(1, countMax)
        self.bytesMax = max(1, bytesMax)
        self.ageMax = max(.zero, ageMax)
    }

    var ageNanosMax: Int64 { min(ageMax.wholeMillis, Self.foreverMillis) * 1_000_000 }
    /// A century: nobody waits for more, and sums of it with times do not overflow.
    private static let foreverMillis: Int64 = 100 * 366 * 86_400_000
}

/// A batch that still grows. Pure.
struct OpenBatch<Element> {
    private(set) var elements: [Element] = []
    private var bytes = 0
    /// When its oldest element came.
    private(set) var openedNanos: Int64 = 0

    var isEmpty: Bool { elements.isEmpty }

    /// Whether an element of this weight must begin another batch.
    func isTooFull(for weight: Int, _ limits: BatchLimits) -> Bool { !elements.isEmpty && bytes(with: weight) > limits.bytesMax }

    /// Weights come from records: one that is negative counts as none, and a sum that is too large as the largest there is.
    private func bytes(with weight: Int) -> Int {
        let (sum, overflow) = bytes.addingReportingOverflow(max(0, weight))
        return overflow ? .max : sum
    }

    /// `nowNanos` is asked for when the batch begins.
    mutating func add(_ element: Element, weight: Int, nowNanos: () -> Int64) {
        if elements.isEmpty { openedNanos = nowNanos() }
        elements.append(element)
        bytes = bytes(with: weight)
    }

    func isComplete(_ limits: BatchLimits) -> Bool { elements.count >= limits.countMax || bytes >= limits.bytesMax }

    func isDue(_ limits: BatchLimits, nowNanos: Int64) -> Bool {
        !elements.isEmpty && nowNanos - openedNanos >= limits.ageNanosMax
    }

    /// The elements; the batch is empty afterwards.
    mutating func take() -> [Element] {
        defer { self = OpenBatch() }
        return elements
    }
}
