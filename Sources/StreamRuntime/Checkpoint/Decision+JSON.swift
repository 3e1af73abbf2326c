import Foundation
import UntrustedJSON

// The one textual form of a decision, used by every domain: a JSON object with sorted keys.

extension Decision {
    private struct Wire: Codable {
        struct Offset: Codable {
            var source: String
            var split: String
            var next: Int64
            var domain: String?
            var group: String?
            var topic: String?
            var partition: Int32?
        }
        var format: Int
        var checkpoint: String
        var manifestHash: String
        var offsets: [Offset]
    }

    /// Format 1. Deterministic: the same decision gives the same bytes.
    public func encodedJSON() -> [UInt8] {
        let wire = Wire(
            format: 1, checkpoint: checkpoint.description, manifestHash: manifestHash,
            offsets: offsets.map {
                Wire.Offset(
                    source: $0.source.rawValue, split: $0.position.split, next: $0.position.next,
                    domain: $0.brokerOffset?.domain, group: $0.brokerOffset?.group, topic: $0.brokerOffset?.topic,
                    partition: $0.brokerOffset?.partition)
            })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return [UInt8](try encoder.encode(wire))
        } catch {
            preconditionFailure("a decision of strings and integers did not encode: \(error)")
        }
    }

    /// Throws `StateDecodingError` saying what is wrong.
    public init(json: some Sequence<UInt8>) throws {
        let wire: Wire
        do {
            wire = try UntrustedJSON.decode(Wire.self, from: Data(json))
        } catch {
            throw StateDecodingError("a decision record does not decode: \(error)")
        }
        guard wire.format == 1 else {
            throw StateDecodingError("a decision record has format \(wire.format); this version reads format 1")
        }
        guard let checkpoint = CheckpointID(wire.checkpoint) else {
            throw StateDecodingError("'\(wire.checkpoint)' in a decision record is not a checkpoint id")
        }
        self.init(
            checkpoint: checkpoint, manifestHash: wire.manifestHash,
            offsets: wire.offsets.map { offset in
                var broker: BrokerOffset?
                if let domain = offset.domain, let group = offset.group, let topic = offset.topic,
                    let partition = offset.partition
                {
                    broker = BrokerOffset(domain: domain, group: group, topic: topic, partition: partition)
                }
                return SourceOffset(
                    source: OperatorID(offset.source), position: SplitPosition(split: offset.split, next: offset.next),
                    brokerOffset: broker)
            })
    }
}
