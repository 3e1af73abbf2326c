import Foundation
import Synchronization

/// Hands each record to a closure, on the task thread. At least once: after a restart the records since
/// the last checkpoint come again.
public struct ForEachSink<Element>: Sink {
    private let body: @Sendable (Element) throws -> Void

    public init(_ body: @escaping @Sendable (Element) throws -> Void) { self.body = body }

    public func makeWriter(_ context: SinkWriterContext) -> Writer { Writer(body: body) }

    public struct Writer: SinkWriter {
        @usableFromInline let body: @Sendable (Element) throws -> Void
        @inlinable public mutating func write(_ element: Element) throws { try body(element) }
    }
}

/// Prints each record on a line of its own. At least once. Fails the job when nobody reads any more.
public struct PrintSink<Element>: Sink {
    private let prefix: String

    public init(prefix: String = "") { self.prefix = prefix }

    public func makeWriter(_ context: SinkWriterContext) -> Writer { Writer(prefix: prefix) }

    public struct Writer: SinkWriter {
        let prefix: String
        private var buffer: [UInt8] = []

        init(prefix: String) { self.prefix = prefix }

        public mutating func write(_ element: Element) throws {
            buffer.append(contentsOf: "\(prefix)\(element)\n".utf8)
            if buffer.count > 1 << 16 { try flush() }
        }

        public mutating func flush() throws {
            guard !buffer.isEmpty else { return }
            defer { buffer.removeAll(keepingCapacity: true) }
            try StandardOutput.write(buffer)
        }

        public mutating func endEpoch(_ epoch: Epoch) throws { try flush() }
    }
}

/// Keeps what arrives in memory, as a `TransactionDomain` of its own: records become visible when their
/// epoch is decided, exactly once also over restarts of the job within the process. For tests and small tools.
public final class CollectSink<Element: Sendable>: Sink, TransactionDomain {
    private struct State {
        var owner: AttemptID?
        var staged: [Epoch: [Element]] = [:]
        var committed: [Element] = []
        var last: Decision?
    }
    private let state = Mutex(State())
    private let id = UUID().uuidString

    public init() {}

    /// Everything decided so far.
    public var elements: [Element] { state.withLock { $0.committed } }

    public var transactions: (any TransactionDomain)? { self }
    public var identity: String { "collect://\(id)" }

    public func makeWriter(_ context: SinkWriterContext) -> Writer { Writer(sink: self) }

    public func recover(_ owner: IslandOwner) -> Decision? {
        state.withLock {
            $0.owner = owner.attempt
            $0.staged.removeAll()
            return $0.last
        }
    }

    public func begin(_ epoch: Epoch, writers: Int) {}
    public func prepare(_ epoch: Epoch, timeoutMillis: Int) {}

    public func commit(_ decision: Decision) throws {
        try state.withLock {
            guard $0.owner == decision.checkpoint.attempt else {
                throw RecoveryRefusal(
                    "attempt \(decision.checkpoint.attempt) no longer owns this sink", remedy: "A newer attempt runs.")
            }
            $0.committed += $0.staged.removeValue(forKey: decision.checkpoint.epoch) ?? []
            $0.last = decision
        }
    }

    public func close() { state.withLock { $0.staged.removeAll() } }

    public struct Writer: SinkWriter {
        let sink: CollectSink
        private var open: [Element] = []

        init(sink: CollectSink) { self.sink = sink }

        public mutating func write(_ element: Element) { open.append(element) }

        public mutating func endEpoch(_ epoch: Epoch) {
            let ended = open
            sink.state.withLock { $0.staged[epoch, default: []] += ended }
            open.removeAll()
        }
    }
}
