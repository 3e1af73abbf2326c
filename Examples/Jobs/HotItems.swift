import StreamRuntime
import WeirKit

/// A bid in an auction house.
struct Bid: CodableState, Sendable {
    var auction: Int64
    var cents: Int64
    var timeMillis: Int64

    /// A few auctions draw most of the bids, and which ones they are changes every minute.
    static func simulated(_ number: Int64) -> Bid {
        var dice = Dice(seed: 5, number: number)
        let time = openingMillis + number * 20
        let favourite = (time / 60_000) % 7
        let auction = dice.draw(0..<3) == 0 ? favourite : dice.draw(0..<40)
        return Bid(auction: auction, cents: dice.draw(100..<10_000), timeMillis: time - dice.draw(0..<3000))
    }
}

/// How many bids an auction had in a window.
struct AuctionCount: CodableState, Sendable {
    var auction: Int64
    var bids: Int
}

/// The three auctions with most bids in the last minute, every twenty seconds.
/// docs/windows.md#what-is-done-with-a-window
public struct HotItems: PlainJob {
    public static let name = "hot-items"
    public static let summary = "The three auctions with most bids in the last minute, every twenty seconds."

    public init() {}

    public func build(_ flow: Flow) {
        flow.source(GeneratorSource(count: 12_000, splits: 2) { Bid.simulated($0) }, id: "bids")
            .watermarks(.boundedOutOfOrderness(.seconds(4)), at: \.timeMillis)
            .keyed(by: \.auction)
            .window(.sliding(.seconds(60), every: .seconds(20)))
            .aggregate(Count()).id("bids-per-auction")
            .map { AuctionCount(auction: $0.key, bids: $0.value) }
            // The counts of one window all carry its last millisecond: they meet again in a tumbling window of the slide's size.
            .windowAll(.tumbling(.seconds(20)))
            .aggregate(TopN(3) { (count: AuctionCount) in count.bids * 1000 - Int(count.auction) }).id("top")
            .map { result in
                let top = result.value.map { "\($0.auction) (\($0.bids))" }.joined(separator: ", ")
                return "\(clock(result.window.end)) \(top)"
            }
            .sink(PrintSink())
    }
}
