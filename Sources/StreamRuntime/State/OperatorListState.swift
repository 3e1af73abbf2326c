/// How the items of an operator list are dealt out when the job goes on from a checkpoint.
public enum ListRedistribution: Sendable {
    /// Each item to one subtask: at the parallelism the checkpoint was taken with to the one that had it, at another one
    /// evenly, item *i* of all to subtask *i* mod parallelism.
    case split
    /// Every item to every subtask.
    case union
}

/// A small list of an operator's own, which belongs to no key: written whole into each checkpoint, at the barrier, on
/// the task thread. For offsets, pending work, caches; keep it in the thousands. Owned by the task thread.
///
///     pending = try state.operatorContext.listState("pending", Request.self, redistribution: .split)
public final class OperatorListState<Element: StateCodable> {
    /// After a restart: what the checkpoint holds, dealt out.
    public var elements: [Element]

    init(_ elements: [Element]) { self.elements = elements }

    public func append(_ element: Element) { elements.append(element) }
}

/// A small map that is the same on every subtask, because every subtask is given the same changes (a broadcast
/// stream): subtask 0 writes it into each checkpoint, all restore it. Owned by the task thread.
///
///     rules = try context.broadcastState("rules", String.self, Rule.self)
///
/// Keeping the copies equal is the operator's part: change it only by what every subtask gets, in ways that do not
/// depend on the subtask. After a restore all subtasks have what subtask 0 had.
public final class BroadcastState<Key: Hashable & StateCodable, Value: StateCodable> {
    public private(set) var entries: [Key: Value]

    init(_ entries: [Key: Value]) { self.entries = entries }

    /// Set `nil` to remove an entry.
    public subscript(key: Key) -> Value? {
        get { entries[key] }
        set { entries[key] = newValue }
    }
}

extension OperatorContext {
    /// Declares a list, while the operator is made. `name`: letters, digits, `-`, `_` and `.`; once per operator.
    public func listState<Element: StateCodable>(
        _ name: String, _: Element.Type, redistribution: ListRedistribution
    ) throws -> OperatorListState<Element> {
        let schema = Element.stateSchema
        let storedName = OperatorLists.storedName(name)
        let share = redistribution == .split ? OperatorList.Share(subtask: subtask, parallelism: parallelism) : nil
        let mine = try share.map { try restoredShare(storedName, schema, $0) } ?? restoredUnionList(storedName, schema)
        let list = OperatorListState(try mine.map { try $0.decoded(Element.self) })
        try services.lists.declare(name, of: operatorID, schema: schema, share: share) {
            list.elements.map { .init(encoding: $0) }
        }
        return list
    }

    /// Declares a map that is the same on every subtask. Names as those of lists.
    public func broadcastState<Key: Hashable & StateCodable, Value: StateCodable>(
        _ name: String, _: Key.Type, _: Value.Type
    ) throws -> BroadcastState<Key, Value> {
        let schema = [Key: Value].stateSchema
        var entries: [Key: Value] = [:]
        for item in try restoredUnionList(OperatorLists.storedName(name), schema) {
            entries.merge(try item.decoded([Key: Value].self)) { $1 }
        }
        let map = BroadcastState(entries)
        let isWriter = subtask == 0
        try services.lists.declare(name, of: operatorID, schema: schema) {
            isWriter && !map.entries.isEmpty ? [.init(encoding: map.entries)] : []
        }
        return map
    }
}

/// The lists that the operators of one task have declared. Owned by the task thread.
final class OperatorLists {
    private struct Declared {
        let name: String
        let operatorID: OperatorID
        let schema: String
        let share: OperatorList.Share?
        let items: () -> [OperatorList.Item]
    }
    private var declared: [Declared] = []

    /// Lists of functions and of the engine do not meet.
    static func storedName(_ name: String) -> String { "user.\(name)" }

    func declare(
        _ name: String, of operatorID: OperatorID, schema: String, share: OperatorList.Share? = nil,
        items: @escaping () -> [OperatorList.Item]
    ) throws {
        guard !name.isEmpty,
            name.utf8.allSatisfy({
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20
                    || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || "-_.".utf8.contains($0)
            })
        else {
            throw GraphError(
                "operator '\(operatorID)' declares the list '\(name)'; a name has letters, digits, '-', '_' and '.' only")
        }
        let name = Self.storedName(name)
        guard !declared.contains(where: { $0.name == name && $0.operatorID == operatorID }) else {
            throw GraphError("operator '\(operatorID)' declares two lists of one name; give each its own")
        }
        declared.append(Declared(name: name, operatorID: operatorID, schema: schema, share: share, items: items))
    }

    /// At the barrier, in the step.
    func snapshot(into snapshot: TaskSnapshot) {
        for list in declared {
            snapshot.add(
                OperatorList(
                    operatorID: list.operatorID, name: list.name, schema: list.schema, items: list.items(), share: list.share))
        }
    }
}

extension OperatorList.Item {
    /// Belongs to no key group in particular.
    init<Value: StateCodable>(encoding value: Value) {
        var writer = ByteWriter()
        value.encode(into: &writer)
        self.init(keyGroup: 0, bytes: writer.bytes)
    }

    func decoded<Value: StateCodable>(_: Value.Type) throws -> Value {
        try bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return try Value(from: &reader)
        }
    }
}
