/// What one task contributes to a checkpoint: filled by its operators at the barrier, in the step, on
/// the task's thread; then handed to the coordinator, and not touched by the task again.
public final class TaskSnapshot: @unchecked Sendable {  // the task's until handed over, then the coordinator's
    public let epoch: Epoch
    package private(set) var positions: [OperatorID: [SplitPosition]] = [:]
    package private(set) var state: [(operatorID: OperatorID, pending: any PendingSnapshot)] = []
    package private(set) var lists: [OperatorList] = []

    package init(epoch: Epoch) { self.epoch = epoch }

    package func add(positions: [SplitPosition], of source: OperatorID) { self.positions[source] = positions }

    package func add(_ pending: any PendingSnapshot, of operatorID: OperatorID) {
        state.append((operatorID, pending))
    }

    package func add(_ list: OperatorList) { lists.append(list) }
}

/// A small ordered list of an operator's own (requests in flight, for one), written whole into each
/// checkpoint and handed out again by key group.
public struct OperatorList: Sendable, Equatable {
    public var operatorID: OperatorID
    public var name: String
    public var schema: String
    public var items: [Item]
    /// Of a list that is dealt out: whose share this is.
    public var share: Share?

    /// A subtask, of so many.
    public struct Share: Sendable, Equatable, Codable {
        public var subtask: Int
        public var parallelism: Int
    }

    public struct Item: Sendable, Equatable {
        public var keyGroup: Int
        public var bytes: [UInt8]
        public init(keyGroup: Int, bytes: [UInt8]) {
            self.keyGroup = keyGroup
            self.bytes = bytes
        }
    }

    public init(operatorID: OperatorID, name: String, schema: String, items: [Item], share: Share? = nil) {
        self.operatorID = operatorID
        self.name = name
        self.schema = schema
        self.items = items
        self.share = share
    }
}
