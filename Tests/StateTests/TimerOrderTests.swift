import StreamRuntime
import Testing

/// The pure parts of the timers.
@Suite struct TimerOrderTests {
    @Test func encodedTimesSortAsNumbers() {
        var times = [Int64.min, Int64.min + 1, -1 << 40, -256, -1, 0, 1, 255, 256, 1 << 40, .max - 1, .max]
        times.shuffle()
        let sorted = times.sorted { a, b in
            TimerEncoding.bytes(a, Int64(7)).lexicographicallyPrecedes(TimerEncoding.bytes(b, Int64(7)))
        }
        #expect(sorted == times.sorted())
        #expect(TimerEncoding.bytes(-2, "é") == [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 2, 0xC3, 0xA9])
    }

    @Test(arguments: [1, 2, 3, 24, 100]) func theTournamentKnowsTheLeast(_ players: Int) {
        var random = SeededGenerator(seed: UInt64(players))
        var tournament = Tournament(players: players)
        var scores: [Int: Int64] = [:]
        for _ in 0..<2000 {
            let player = Int.random(in: 0..<players, using: &random)
            let score =
                Bool.random(using: &random)
                ? [.min, .max, Int64.random(in: 0..<5, using: &random)].randomElement(using: &random)! : nil
            scores[player] = score
            tournament.update(player, score)
            let least = scores.min { ($0.value, $0.key) < ($1.value, $1.key) }
            #expect(tournament.winner?.player == least?.key && tournament.winner?.score == least?.value)
        }
    }
}
