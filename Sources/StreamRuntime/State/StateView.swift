/// A read-only look at the keyed state of one operator, for tests and inspection: of one live subtask, or of a
/// checkpoint (all subtasks). Reads everything each time; decodes with the types it is asked for.
///
/// The value type of a list is `[Element]`, of a map `[UserKey: Value]`, of an aggregating state its accumulator. The state
/// of `fold`, `reduce` and `aggregate` has the name `value`. Of a
/// state with a TTL, values whose time is over and that were not cleaned away yet are shown, too.
public struct StateView {
    private typealias Body = (StateKeyBytes, UnsafeRawBufferPointer) throws -> Void
    private let states: [StatePart.State]
    /// Every entry of the state at a position of `states`.
    private let forEach: (Int, Body) throws -> Void

    /// Of a live subtask, on its task thread.
    package init(_ live: OperatorState) {
        states = live.members.map { member in
            StatePart.State(
                name: member.descriptor.name, kind: member.descriptor.kind.rawValue,
                keySchema: member.descriptor.keySchema, valueSchema: member.descriptor.valueSchema)
        }
        forEach = { try live.members[$0].forEach($1) }
    }

    /// Of a checkpoint. `files` is the job's checkpoint store; `backends` must include the one that wrote it.
    public init(
        _ checkpoint: CheckpointManifest, operator id: OperatorID, files: any CheckpointFiles,
        backends: [any StateFormat]
    ) throws {
        guard let entry = checkpoint.operators.first(where: { $0.id == id.rawValue }) else {
            throw StateViewError("checkpoint \(checkpoint.checkpoint) has no operator '\(id)'")
        }
        self.init(parts: entry.state, files: files, backends: backends)
    }

    package init(parts: [StatePart], files: any CheckpointFiles, backends: [any StateFormat]) {
        let states = parts.first?.states ?? []
        self.states = states
        let formats = backends + [SavepointFormat()]
        forEach = { position, body in
            for part in parts {
                guard let id = part.states.firstIndex(of: states[position]) else { continue }
                guard let format = formats.first(where: { $0.name == part.backend }) else {
                    throw StateViewError("the state is stored as '\(part.backend)', which was not given")
                }
                try format.forEachEntry(of: part, in: files, keyGroups: part.keyGroups) { key, value in
                    if StateKeyLayout.stateID(key) == id { try body(key, value) }
                }
            }
        }
    }

    /// The names of the states, timers included.
    public var names: [String] { states.map(\.name) }

    /// All entries of a state. Throws `StateViewError` when it has another name or other types.
    public func entries<Key: StreamKey, Value: StateCodable>(
        of name: String, _: Key.Type, _: Value.Type
    ) throws -> [Key: Value] {
        guard let position = states.firstIndex(where: { $0.name == name }) else {
            throw StateViewError("there is no state '\(name)'; there are \(names)")
        }
        let state = states[position]
        let isTimed = state.valueSchema == Timed<Value>.stateSchema
        guard state.keySchema == Key.stateSchema, isTimed || state.valueSchema == Value.stateSchema else {
            throw StateViewError(
                "state '\(name)' is \(state.keySchema) → \(state.valueSchema), asked for was \(Key.stateSchema) → \(Value.stateSchema)"
            )
        }
        var entries: [Key: Value] = [:]
        try forEach(position) { key, value in
            var key = ByteReader(UnsafeRawBufferPointer(rebasing: key[StateKeyLayout.headerBytes...]))
            var value = ByteReader(value)
            entries[try Key(from: &key)] = isTimed ? try Timed<Value>(from: &value).value : try Value(from: &value)
        }
        return entries
    }

    /// Every map of a `largeMap`. Throws as `entries` does.
    public func largeMaps<Key: StreamKey, UserKey: StreamKey, Value: StateCodable>(
        of name: String, _: Key.Type, _: UserKey.Type, _: Value.Type
    ) throws -> [Key: [UserKey: Value]] {
        try entries(of: name, MapPartKey<Key>.self, MapPart<UserKey, Value>.self).reduce(into: [:]) { maps, part in
            maps[part.key.key, default: [:]].merge(part.value.entries) { _, entry in entry }
        }
    }

    /// The timers of a time domain: the times of every key, in order.
    public func timers<Key: StreamKey>(eventTime: Bool, _: Key.Type) throws -> [Key: [Int64]] {
        let name = eventTime ? TimerStates.eventTime : TimerStates.processingTime
        let timers = try entries(of: name, TimerKey<Key>.self, Unit.self).keys
        return Dictionary(grouping: timers, by: \.key).mapValues { $0.map(\.millis).sorted() }
    }
}

public struct StateViewError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
