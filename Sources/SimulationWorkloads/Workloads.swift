import StreamRuntimeTesting

extension SimulatedWorkload {
    /// Every workload; a seed takes the one that its number falls on.
    package static let all: [SimulatedWorkload] = [
        counting, windows, timers, async, manyEnds, joins, trades, effects, islands, fromLatest,
    ]

    package static func ofSeed(_ seed: UInt64) -> SimulatedWorkload { all[Int(seed % UInt64(all.count))] }
}
