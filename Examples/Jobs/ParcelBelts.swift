import StreamRuntime
import WeirKit

/// A parcel in a sorting hall.
struct Parcel: CodableState, Sendable {
    static let towns = ["Bern", "Cork", "Kyiv", "Lyon", "Oslo", "Rome"]
    var id: Int64
    /// Its place in `towns`.
    var town: Int
    var grams: Int64

    static func simulated(_ number: Int64) -> Parcel {
        var dice = Dice(seed: 19, number: number)
        return Parcel(id: number, town: Int(dice.draw(0..<6)), grams: dice.draw(100..<35_000))
    }
}

/// An operator that knows which of its subtasks it is: one for each belt, with a plate and a loudspeaker.
struct Belt<Input>: Operator {
    typealias Output = String
    private let number: Int
    private let describe: @Sendable (Input) -> String

    init(_ context: OperatorContext, _ describe: @escaping @Sendable (Input) -> String) {
        number = context.subtask + 1
        self.describe = describe
    }

    func process<Down: Collector>(_ input: Input, into down: inout Down) throws where Down.Element == String {
        try down.collect("belt \(number): \(describe(input))")
    }
}

/// Parcels on their way through a hall: every way in which records can be dealt out to subtasks.
/// docs/helpers.md#dealing-out
public struct ParcelBelts: PlainJob {
    public static let name = "parcel-belts"
    public static let summary = "Deals parcels out to scanners, scales and belts; what is announced reaches every belt."

    public init() {}

    public func build(_ flow: Flow) {
        let belts = flow.source(GeneratorSource(count: 200) { Parcel.simulated($0) }, id: "parcels").parallelism(1)
            // To four scanners in turn.
            .rebalanced()
            .map { $0 }.id("scanners").parallelism(4)
            // Two scales, each for the two scanners that lie next to it.
            .rescaled()
            .filter { $0.grams <= 30_000 }.id("scales").parallelism(2)
            // To the belt of its town.
            .partitioned { parcel, belts in parcel.town % belts }
            .apply("belts") { context in Belt(context) { "parcel \($0.id) to \(Parcel.towns[$0.town])" } }.parallelism(3)
        // Said at every belt.
        let announcements = flow.source(CollectionSource(["please wear gloves", "the hall closes"]), id: "office").parallelism(1)
            .broadcasted()
            .apply("loudspeakers") { context in Belt(context) { $0 } }.parallelism(3)
        // One printer for all.
        belts.union(announcements).global().sink(PrintSink(), id: "printer")
    }
}
