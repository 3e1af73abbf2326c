import StoreKit
import StreamRuntime
import Synchronization

extension Stream where Element: StateCodable & Sendable {
    /// Writes each record to a store, up to `inFlightMax` side by side in a subtask, and gives on what the write gives back:
    /// records to be put aside.
    ///
    /// A record is part of every checkpoint until the store has taken it and is written again after a restart, so an epoch
    /// does not wait for the store; while that is down the job is paused. The write must be idempotent.
    func written(
        to store: String, inFlightMax: Int, _ write: @escaping @Sendable (Element) async throws -> [DeadLetter]
    ) -> Stream<Stage<C, AsyncProcess<AsyncMapFunction<Element, [DeadLetter]>>>> {
        asyncMap(
            .unordered, AsyncOptions(capacity: inFlightMax, timeout: .seconds(60)), failures: .store(store), write)
    }
}

/// Makes once what must exist before the first write: tables, templates. Any task; making twice side by side is harmless.
final class ProvisionOnce: Sendable {
    private let isDone = Mutex(false)

    func run(_ provision: () async throws -> Void) async throws {
        guard !isDone.withLock({ $0 }) else { return }
        try await provision()
        isDone.withLock { $0 = true }
    }
}

/// A store's failure, and which one it was where a job asks several.
struct NamedStoreError: Error, CustomStringConvertible {
    /// As a pause names it.
    let store: String
    let cause: StoreError

    var description: String { "\(store): \(cause)" }

    /// What `body` comes to; its failure as one of `store`.
    static func naming<Value: Sendable>(
        _ store: String, _ body: () async throws(StoreError) -> Value
    ) async throws(NamedStoreError) -> Value {
        do throws(StoreError) {
            return try await body()
        } catch {
            throw NamedStoreError(store: store, cause: error)
        }
    }
}
