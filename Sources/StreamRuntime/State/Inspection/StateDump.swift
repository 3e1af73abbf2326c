/// Walks through all state of a checkpoint or savepoint, without the types of the job that wrote it.
public struct StateDump {
    private let manifest: CheckpointManifest
    private let files: any CheckpointFiles
    private let formats: [any StateFormat]

    /// One entry of keyed state, or one item of an operator's list.
    public struct Entry {
        public let operatorID: String
        public let state: String
        /// `value`, `list`, `map`, `large-map` (an entry for each part), `reducing`, `aggregating`, `timers`; `operator-list` for items of an operator's list.
        public let kind: String
        /// `nil` for items of an operator's list.
        public let key: StoredValue?
        public let value: StoredValue
    }

    public init(_ manifest: CheckpointManifest, files: any CheckpointFiles, formats: [any StateFormat]) {
        self.manifest = manifest
        self.files = files
        self.formats = formats + [HeapBackend(), SavepointFormat()]
    }

    /// Operators by id; the names of their states and lists.
    public var names: [(operatorID: String, states: [String])] {
        manifest.operators.map { entry in
            let states = entry.state.flatMap(\.states).map(\.name) + entry.lists.map(\.name)
            var seen: Set<String> = []
            return (entry.id, states.filter { seen.insert($0).inserted })
        }
    }

    /// Every entry of the operators and states that `wants` wants, operator by operator; in no particular order within.
    /// Throws `RecoveryRefusal` for damaged files, `StateViewError` for a format that was not given.
    public func forEach(
        where wants: (_ operatorID: String, _ state: String) -> Bool, _ body: (Entry) throws -> Void
    ) throws {
        for entry in manifest.operators {
            for part in entry.state { try forEach(part, of: entry.id, where: wants, body) }
            for list in entry.lists where wants(entry.id, list.name) {
                for item in try OperatorListFile.read(list.file, files) {
                    let value = item.bytes.withUnsafeBytes { StoredValue($0, schema: list.schema) }
                    try body(Entry(operatorID: entry.id, state: list.name, kind: "operator-list", key: nil, value: value))
                }
            }
        }
    }

    private func forEach(
        _ part: StatePart, of id: String, where wants: (String, String) -> Bool, _ body: (Entry) throws -> Void
    ) throws {
        let wanted = part.states.map { wants(id, $0.name) }
        guard wanted.contains(true) else { return }
        guard let format = formats.first(where: { $0.name == part.backend }) else {
            throw StateViewError("state of operator '\(id)' is stored as '\(part.backend)', which this program cannot read")
        }
        try format.forEachEntry(of: part, in: files, keyGroups: part.keyGroups) { key, value in
            let number = StateKeyLayout.stateID(key)
            guard wanted.indices.contains(number), wanted[number] else { return }
            let state = part.states[number]
            try body(
                Entry(
                    operatorID: id, state: state.name, kind: state.kind,
                    key: StoredValue(StateKeyLayout.recordKey(key), schema: state.keySchema),
                    value: StoredValue(value, schema: state.valueSchema)))
        }
    }
}
