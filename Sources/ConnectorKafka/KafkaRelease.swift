import CRdKafka
import StreamRuntime
import Synchronization

/// Which release of Kafka a broker is of, from the versions of requests that it understands: brokers do not say it otherwise.
/// Pure.
public struct KafkaRelease: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    /// Offsets can be part of a transaction, with the group's fencing (KIP-447).
    public let hasTransactionsOfGroups: Bool

    /// What came with each release, the newest first: a request's number, and its version.
    private static let marks: [(release: String, request: Int, version: Int)] = [
        ("4.0 or later", 26, 5), ("3.8 or 3.9", 26, 4), ("3.7", 1, 16), ("3.5 or 3.6", 1, 15), ("3.1 to 3.4", 1, 13),
        ("3.0", 2, 7), ("2.8", 60, 0), ("2.7", 1, 12), ("2.5 or 2.6", 28, 3),
    ]

    /// `newest`: the newest version of each request, by its number; `nil` when there are none.
    public init?(newest: [Int: Int]) {
        guard !newest.isEmpty else { return nil }
        let mark = Self.marks.first { mark in (newest[mark.request] ?? -1) >= mark.version }
        description = mark?.release ?? "before 2.5"
        hasTransactionsOfGroups = mark != nil
    }
}

/// Listens to what the client notes of its brokers' answers to its first request: `debug=feature` makes it log them, there is
/// no call for it.
package final class BrokerVersions: Sendable {
    private let newest = Mutex<[String: [Int: Int]]>([:])

    var log: RuntimeLog {
        RuntimeLog { [self] _, message, _ in
            guard let read = Self.read(message) else { return }
            newest.withLock { $0[read.broker, default: [:]][read.request] = read.newest }
        }
    }

    /// By `host:port`.
    var releases: [String: KafkaRelease] { newest.withLock { $0.compactMapValues { KafkaRelease(newest: $0) } } }

    /// Of `…: host:port/id:   ApiKey Fetch (1) Versions 0..13`. Pure.
    package static func read(_ line: String) -> (broker: String, request: Int, newest: Int)? {
        let pattern = #/(\S+)/[^\s/]+:\s+ApiKey .*\((\d+)\) Versions \d+\.\.(\d+)$/#
        guard let match = line.firstMatch(of: pattern), let request = Int(match.2), let newest = Int(match.3) else { return nil }
        // Clients over TLS name the protocol as well.
        let broker = match.1.split(separator: "/").last.map(String.init) ?? String(match.1)
        // A coordinator is one of the brokers, under the name of what it does.
        return broker.contains(":") ? (broker, request, newest) : nil
    }
}
