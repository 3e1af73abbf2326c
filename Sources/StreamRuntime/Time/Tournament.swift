/// Which of a fixed number of players has the least number: a tree of winners, O(log n) when one of them changes.
/// Of equals the first wins.
@usableFromInline package struct Tournament {
    /// Node 1 is the root, the children of `n` are `2n` and `2n + 1`; -1: nobody plays there.
    @usableFromInline var winners: [Int32]
    @usableFromInline var scores: [Int64]
    @usableFromInline let leaves: Int

    @inlinable package init(players: Int) {
        var leaves = 1
        while leaves < players { leaves *= 2 }
        self.leaves = leaves
        winners = Array(repeating: -1, count: 2 * leaves)
        scores = Array(repeating: 0, count: players)
    }

    @inlinable package var winner: (player: Int, score: Int64)? {
        winners[1] < 0 ? nil : (Int(winners[1]), scores[Int(winners[1])])
    }

    /// `nil`: the player does not take part.
    @inlinable package mutating func update(_ player: Int, _ score: Int64?) {
        let entry: Int32 = score == nil ? -1 : Int32(player)
        if winners[leaves + player] == entry, score == nil || scores[player] == score { return }
        scores[player] = score ?? 0
        winners[leaves + player] = entry
        var node = (leaves + player) / 2
        while node > 0 {
            let (left, right) = (winners[2 * node], winners[2 * node + 1])
            let leftWins = right < 0 || (left >= 0 && scores[Int(left)] <= scores[Int(right)])
            winners[node] = leftWins ? left : right
            node /= 2
        }
    }
}
