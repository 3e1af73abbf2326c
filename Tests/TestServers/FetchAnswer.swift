import NIOCore
import Synchronization

/// A partition of a topic.
struct FetchedPartition: Hashable {
    let topic: String
    let index: Int32
}

/// A transaction that an answer lists as aborted.
struct AbortedTransaction {
    let producer: Int64
    let firstOffset: Int64
}

/// Where transactions were aborted, as far as answers have told: a producer has one at a time, so the first marker behind the
/// first record of one is its end. Any task.
final class EndedTransactions: Sendable {
    private struct Known {
        /// Everything from here on has been seen: readers go on where they, or others, have stopped.
        var from = Int64.max
        /// Offsets of abort markers, by producer.
        var markers: [Int64: Set<Int64>] = [:]
    }
    private let partitions = Mutex<[FetchedPartition: Known]>([:])

    /// Takes in what an answer holds, and says which of `aborted` reach into it. Of those that began before anything was seen, only
    /// what the answer itself shows is known: the last before a producer's first marker, when that is there.
    func reaching(
        _ aborted: [AbortedTransaction], into batches: [FetchedBatch], of partition: FetchedPartition
    ) -> [AbortedTransaction] {
        guard let first = batches.first?.baseOffset else { return aborted }
        return partitions.withLock { partitions in
            var known = partitions[partition] ?? Known()
            known.from = min(known.from, first)
            for batch in batches where batch.isAbortMarker { known.markers[batch.producer, default: []].insert(batch.baseOffset) }
            partitions[partition] = known
            return aborted.filter { one in
                let markers = known.markers[one.producer] ?? []
                if one.firstOffset >= known.from { return !markers.contains { $0 > one.firstOffset && $0 < first } }
                guard let marker = batches.first(where: { $0.isAbortMarker && $0.producer == one.producer }) else { return false }
                return !aborted.contains {
                    $0.producer == one.producer && $0.firstOffset > one.firstOffset && $0.firstOffset < marker.baseOffset
                }
            }
        }
    }
}

/// What of a batch of records tells of transactions.
struct FetchedBatch {
    let baseOffset: Int64
    let producer: Int64
    let isAbortMarker: Bool

    /// The batches of an answer; the last may be cut off.
    static func all(in records: ByteBuffer) -> [FetchedBatch] {
        var batches: [FetchedBatch] = []
        var at = records.readerIndex
        // Base offset, length, then at 21 the attributes, at 43 the producer; a control record's type is at 68.
        while let offset = records.getInteger(at: at, as: Int64.self),
            let length = records.getInteger(at: at + 8, as: Int32.self), length > 0,
            let attributes = records.getInteger(at: at + 21, as: Int16.self),
            let producer = records.getInteger(at: at + 43, as: Int64.self)
        {
            let isAbortMarker = attributes & 0x20 != 0 && records.getInteger(at: at + 68, as: Int16.self) == 0
            batches.append(FetchedBatch(baseOffset: offset, producer: producer, isAbortMarker: isAbortMarker))
            at += 12 + Int(length)
        }
        return batches
    }
}

/// Fetch answers of versions 4 to 11; later ones have another layout.
enum FetchAnswer {
    /// Nil for what is not understood.
    static func mended(
        _ frame: ByteBuffer, version: Int16, _ ended: EndedTransactions
    ) -> (answer: ByteBuffer, isEmpty: Bool)? {
        guard (4...11).contains(version) else { return nil }
        var (rest, answer, isEmpty) = (frame, ByteBuffer(), true)
        func copy(_ count: Int) -> Bool {
            guard let bytes = rest.readSlice(length: count) else { return false }
            answer.writeImmutableBuffer(bytes)
            return true
        }
        func copyCount() -> Int? {
            guard let count = rest.readInteger(as: Int32.self) else { return nil }
            answer.writeInteger(count)
            return Int(count)
        }
        // Correlation id and throttle time, then error and session.
        guard copy(version >= 7 ? 14 : 8), let topics = copyCount() else { return nil }
        for _ in 0..<topics {
            guard let length = rest.getInteger(at: rest.readerIndex, as: Int16.self),
                let topic = rest.getString(at: rest.readerIndex + 2, length: Int(length)), copy(2 + Int(length)),
                let partitions = copyCount()
            else { return nil }
            for _ in 0..<partitions {
                guard let (index, error) = rest.readMultipleIntegers(as: (Int32, Int16).self) else { return nil }
                answer.writeMultipleIntegers(index, error)
                // High watermark, last stable offset, log start offset.
                for _ in 0..<(version >= 5 ? 3 : 2) {
                    guard let offset = rest.readInteger(as: Int64.self) else { return nil }
                    answer.writeInteger(error == 0 ? offset : -1)
                }
                guard let count = rest.readInteger(as: Int32.self) else { return nil }
                var aborted: [AbortedTransaction] = []
                for _ in 0..<max(0, count) {
                    guard let (producer, first) = rest.readMultipleIntegers(as: (Int64, Int64).self) else { return nil }
                    aborted.append(AbortedTransaction(producer: producer, firstOffset: first))
                }
                let preferred: Int32? = version < 11 ? nil : rest.readInteger()
                guard let bytes = rest.readInteger(as: Int32.self), let records = rest.readSlice(length: max(0, Int(bytes)))
                else { return nil }
                let kept = ended.reaching(
                    aborted, into: FetchedBatch.all(in: records), of: FetchedPartition(topic: topic, index: index))
                answer.writeInteger(Int32(kept.count))
                for one in kept { answer.writeMultipleIntegers(one.producer, one.firstOffset) }
                if let preferred { answer.writeInteger(preferred) }
                answer.writeInteger(bytes)
                answer.writeImmutableBuffer(records)
                if bytes > 0 { isEmpty = false }
            }
        }
        return rest.readableBytes == 0 ? (answer, isEmpty) : nil
    }
}
