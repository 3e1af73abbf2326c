// The ends of chains that lead into an exchange. Each writes records into the output gate's batches, with
// their event time beside them where the edge is timed. Signals go to every output of the task at once.

/// Writes records of one type into the batches of an output gate.
@usableFromInline struct BatchWriter<Element> {
    @usableFromInline let gate: OutputGate
    @usableFromInline let cursors: UnsafeMutablePointer<OutputGate.Cursor>
    @usableFromInline let isTimed: Bool
    @usableFromInline let recordTime: RecordTime

    @inlinable init(_ gate: OutputGate, _ recordTime: RecordTime) {
        self.gate = gate
        self.recordTime = recordTime
        cursors = gate.cursors
        isTimed = gate.isTimed
    }

    @inlinable @inline(__always)
    func write(_ element: Element, to target: Int) {
        let cursor = cursors + target
        let place = cursor.pointee.next
        place.initializeMemory(as: Element.self, to: element)
        cursor.pointee.next = place + MemoryLayout<Element>.stride
        if isTimed {
            cursor.pointee.nextTime.pointee = recordTime.millis
            cursor.pointee.nextTime += 1
        }
        if cursor.pointee.next == cursor.pointee.end { gate.rotate(target) }
    }
}

/// To the subtask that owns the record's key group.
public struct KeyRouter<Element, Key: StreamKey>: Collector {
    @usableFromInline let writer: BatchWriter<Element>
    @usableFromInline let outputs: TaskOutputs
    @usableFromInline let groups: KeyGroups
    /// Key group → subtask. Owned by the gate's task; freed on `close`.
    @usableFromInline let targets: UnsafeMutablePointer<UInt16>
    @usableFromInline let key: @Sendable (Element) -> Key

    @inlinable init(
        _ writer: BatchWriter<Element>, _ outputs: TaskOutputs, _ groups: KeyGroups, _ key: @escaping @Sendable (Element) -> Key
    ) {
        self.writer = writer
        self.outputs = outputs
        self.groups = groups
        self.key = key
        targets = .allocate(capacity: groups.count)
        for group in 0..<groups.count {
            targets[group] = UInt16(groups.subtask(of: group, parallelism: writer.gate.targetCount))
        }
    }

    @inlinable @inline(__always)
    public mutating func collect(_ element: Element) throws {
        let key = key(element)
        guard key == key else { throw UnequalKeyError(key) }
        writer.write(element, to: Int(targets[groups.group(ofHash: key.stableHash)]))
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws {
        if case .close = signal { targets.deallocate() }
        outputs.handle(signal)
    }
}

/// A record's key is not equal to itself, as one with a NaN in it: what is kept for it would never be found again.
public struct UnequalKeyError: UnrestartableError, CustomStringConvertible {
    public let key: String

    @usableFromInline init<Key>(_ key: Key) { self.key = "\(key)" }

    public var description: String {
        "the key \(key) is not equal to itself (is there a NaN in it?): nothing could be kept for it; leave such records out "
            + "before .keyed(by:), or give them another key"
    }
}

/// Round robin, a batch to each subtask in turn, however full it was when it left; to the one of the same index when both
/// sides are equally many.
public struct BatchRouter<Element>: Collector {
    @usableFromInline let writer: BatchWriter<Element>
    @usableFromInline let outputs: TaskOutputs
    @usableFromInline let isRoundRobin: Bool
    @usableFromInline let turn: UnsafeMutablePointer<Int>

    @inlinable init(_ writer: BatchWriter<Element>, _ outputs: TaskOutputs, subtask: Int, isRoundRobin: Bool) {
        self.writer = writer
        self.outputs = outputs
        self.isRoundRobin = isRoundRobin
        turn = writer.gate.turn
        // Those that send side by side begin at different ones.
        if isRoundRobin { writer.gate.turn.pointee = subtask % writer.gate.targetCount }
    }

    @inlinable @inline(__always)
    public mutating func collect(_ element: Element) throws {
        writer.write(element, to: isRoundRobin ? turn.pointee : 0)
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws { outputs.handle(signal) }
}

/// A copy to every subtask.
public struct BroadcastRouter<Element>: Collector {
    @usableFromInline let writer: BatchWriter<Element>
    @usableFromInline let outputs: TaskOutputs

    @inlinable init(_ writer: BatchWriter<Element>, _ outputs: TaskOutputs) {
        self.writer = writer
        self.outputs = outputs
    }

    @inlinable public mutating func collect(_ element: Element) throws {
        for target in 0..<writer.gate.targetCount { writer.write(element, to: target) }
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws { outputs.handle(signal) }
}

/// To the subtask a function of the author's names.
public struct CustomRouter<Element>: Collector {
    @usableFromInline let writer: BatchWriter<Element>
    @usableFromInline let outputs: TaskOutputs
    @usableFromInline let operatorID: OperatorID
    @usableFromInline let choose: @Sendable (Element, _ subtasks: Int) throws -> Int

    @inlinable init(
        _ writer: BatchWriter<Element>, _ outputs: TaskOutputs, _ operatorID: OperatorID,
        _ choose: @escaping @Sendable (Element, Int) throws -> Int
    ) {
        self.writer = writer
        self.outputs = outputs
        self.operatorID = operatorID
        self.choose = choose
    }

    @inlinable public mutating func collect(_ element: Element) throws {
        let count = writer.gate.targetCount
        let target = try choose(element, count)
        guard target >= 0, target < count else {
            throw PartitioningError(operatorID: operatorID, chosen: target, subtasks: count)
        }
        writer.write(element, to: target)
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws { outputs.handle(signal) }
}

/// A custom partitioning named a subtask that does not exist.
public struct PartitioningError: Error, CustomStringConvertible {
    public let operatorID: OperatorID
    public let chosen: Int
    public let subtasks: Int

    @inlinable init(operatorID: OperatorID, chosen: Int, subtasks: Int) {
        self.operatorID = operatorID
        self.chosen = chosen
        self.subtasks = subtasks
    }

    public var description: String {
        "operator '\(operatorID)' sent a record to subtask \(chosen); there are \(subtasks), counted from 0"
    }
}

/// To every consumer of a stream that is used more than once, or by nobody but its side outputs.
public struct FanOut<End: Collector>: Collector {
    public typealias Element = End.Element
    @usableFromInline var ends: [End]
    @usableFromInline let outputs: TaskOutputs

    @inlinable init(_ ends: [End], _ outputs: TaskOutputs) {
        self.ends = ends
        self.outputs = outputs
    }

    @inlinable public mutating func collect(_ element: End.Element) throws {
        for index in ends.indices { try ends[index].collect(element) }
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws {
        guard case .close = signal else { return outputs.handle(signal) }
        for index in ends.indices { try ends[index].handle(signal) }
    }
}

/// All outputs of a task, the side outputs of its operators included: what is not data goes to all of them.
/// Owned by one task thread.
public final class TaskOutputs {
    let gates: [OutputGate]

    init(_ gates: [OutputGate]) { self.gates = gates }

    /// Watermarks, idleness and latency markers; barriers and ends are the task's own to send.
    @usableFromInline func handle(_ signal: ChainSignal) {
        switch signal {
        case .watermark(let time): for gate in gates { gate.broadcast(.watermark(time)) }
        case .idle: for gate in gates { gate.broadcast(.idle) }
        case .marker(let marker): for gate in gates { gate.send(marker) }
        default: break
        }
    }
}
