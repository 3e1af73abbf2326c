/// Inputs in flight as they stand in checkpoints: in order of arrival, each with its event time.
enum InFlightList<Input: StateCodable> {
    private static var name: String { "in-flight" }
    private static var schema: String { "timed(\(Input.stateSchema))" }

    static func list<Item, Response>(
        of operatorID: OperatorID, _ entries: [InFlightTable<Item, Response>.Entry], keyGroup: (Item) -> Int,
        input: (Item) -> Input
    ) -> OperatorList {
        OperatorList(
            operatorID: operatorID, name: name, schema: schema,
            items: entries.map { entry in
                var writer = ByteWriter(capacity: 256)
                writer.integer(entry.time)
                input(entry.item).encode(into: &writer)
                return OperatorList.Item(keyGroup: keyGroup(entry.item), bytes: writer.bytes)
            })
    }

    static func restored(_ context: OperatorContext) throws -> [(time: Int64, input: Input)] {
        try context.restoredList(name, schema).map { item in
            try item.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                return (try reader.integer(Int64.self), try Input(from: &reader))
            }
        }
    }
}
