import StreamRuntime
import WeirKit

/// What a player made in one round of a game.
struct Score: CodableState, Sendable {
    var player: String
    var game: String
    var points: Int64

    static func simulated(_ number: Int64) -> Score {
        var dice = Dice(seed: 15, number: number)
        return Score(
            player: dice.pick(["Ann", "Bob", "Cem", "Dia", "Eve"]), game: dice.pick(["chess", "darts", "go"]),
            points: dice.draw(0..<10_000))
    }
}

/// Leaderboards that grow while the games go on, and the form of each player. No event time: windows that go by the number
/// of records need none. docs/windows.md#triggers
public struct Leaderboard: PlainJob {
    public static let name = "leaderboard"
    public static let summary = "The best three of each game while it goes on: global and count windows, early triggers."

    public init() {}

    public func build(_ flow: Flow) {
        let scores = flow.source(GeneratorSource(count: 500) { Score.simulated($0) }, id: "scores").parallelism(1)
        // One window for each game, as long as the job runs: a board after every fifty scores, and the last one at the end.
        let boards = scores.keyed(by: \.game)
            .window(.global)
            .trigger(.atEnd.early(count: 50))
            .topN(3, by: \.points).id("boards")
            .map { result in
                let top = result.value.map { "\($0.player) \($0.points)" }.joined(separator: ", ")
                return "\(result.key), \(result.pane.timing == .early ? "board \(result.pane.index + 1)" : "in the end"): \(top)"
            }
        // A window of ten scores is over with the tenth.
        let form = scores.keyed(by: \.player)
            .window(.count(10))
            .aggregate(Sum().over(\.points)).id("form")
            .map { "\($0.key) made \($0.value) points in ten rounds" }
        // Discarding: each result has only what came since the one before, and the window keeps nothing of it.
        let best =
            scores
            .windowAll(.global)
            .trigger(.atEnd.early(count: 100).discarding)
            .reduce { $0.points >= $1.points ? $0 : $1 }.id("best")
            .map { "hundred \($0.pane.index + 1): \($0.value.player) was best, with \($0.value.points) at \($0.value.game)" }
        boards.union(form).union(best).sink(PrintSink())
    }
}
