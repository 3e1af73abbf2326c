import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Sorts all the records of a window.
private struct TopModel: PairModel {
    let n: Int
    let measure: @Sendable (Event) -> Int64
    private var windows: WindowsModel

    init(_ kind: WindowsModel.Kind, n: Int, measure: @escaping @Sendable (Event) -> Int64) {
        windows = WindowsModel(kind)
        self.n = n
        self.measure = measure
    }

    mutating func first(_ event: Event) -> [String]? { windows.add(event, isFirst: true) ? [] : nil }
    mutating func second(_ event: Event) -> [String]? { windows.add(event, isFirst: false) ? [] : nil }

    mutating func watermark(_ time: Int64) -> [String] {
        windows.close(through: time).map { window in
            let sorted = window.records.map(\.event).enumerated().sorted {
                (measure($1.element), $0.offset) < (measure($0.element), $1.offset)
            }
            return "\(window.key) [\(window.window.start): \(sorted.prefix(n).map(\.element.id))@\(window.window.last)"
        }
    }
}

@Suite struct TopNTests {
    /// Among equal records those that came earlier are first; where a window is put together from pieces (slices, sessions
    /// that were joined) the order of the pieces counts, so there no two are equal.
    @Test(arguments: TrialCase.some(heap: 12, rocksdb: 3))
    func theTopOfAWindowAreThoseThatSortingFinds(_ life: TrialCase) async throws {
        let (assigner, kind) = life.pick(WindowsModel.kinds)
        let isOnePiece = if case .grid(let size, let slide) = kind { size <= slide } else { false }
        // Ids are below 1009, a prime: no two give the same.
        let measure: @Sendable (Event) -> Int64 = { isOnePiece ? $0.id * 37 % 5 : $0.id * 37 % 1009 }
        let n = Int(life.seed % 3) + 1
        var trial = try PairTrial(
            life, model: TopModel(kind, n: n, measure: measure), lateMetric: "weir_window_late_records_total"
        ) { first, second in
            first.union(second).keyed(by: \.key).window(assigner).topN(n, by: measure)
                .map { "\($0.key) [\($0.window.start): \($0.value.map(\.id))" }
        }
        try await trial.run(steps: 200)
    }
}
