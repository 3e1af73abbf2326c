/// The records of one input of an interval join that may still find a partner. Owned by the task thread.
///
/// A record of time t is held until the watermark reaches t + `hold`: no record of the other input that comes later can
/// be its partner (J2 of `IntervalJoinFunction`). Records lie in buckets of `width` milliseconds, so that a look at the
/// partners of a record reads at most five lists, and so that one timer clears a whole bucket:
///
/// S1. The timer of a bucket is at (its last millisecond) + `hold`; whoever knows the timer's time knows the bucket.
/// S2. A record that is to be put out when it stays alone has a timer of its own besides, at t + `hold`.
/// S3. Records that would be held to the end of time or beyond share one bucket, whose timer is the end of time.
@usableFromInline struct IntervalSide<Key: StreamKey, Record: StateCodable> {
    @usableFromInline let lists: ChunkedLists<Key, JoinEntry<Record>>
    @usableFromInline let width: Int64
    @usableFromInline let hold: Int64
    @usableFromInline let keepsUnmatched: Bool

    @inlinable init(
        _ name: String, _ context: KeyedStateContext<Key>, span: Int64, hold: Int64, keepsUnmatched: Bool
    ) throws {
        lists = try ChunkedLists(name, context)
        width = span / 4 + 1
        self.hold = hold
        self.keepsUnmatched = keepsUnmatched
    }

    /// False when no partner can come any more, and nothing was kept.
    @inlinable func keep(
        _ record: Record, at time: Int64, isMatched: Bool, for key: Key, _ context: KeyedContext<Key>
    ) -> Bool {
        let until = time.addingSaturating(hold)
        guard until > context.watermarkMillis else { return false }
        if lists.append(JoinEntry(time, isMatched, record), to: key, bucket(time)) {
            context.timers.registerEventTime(at: last(ofBucketOf: time).addingSaturating(hold), for: key)
        }
        if keepsUnmatched, !isMatched { context.timers.registerEventTime(at: until, for: key) }
        return true
    }

    /// Hands the records of these times to `body`: they have found a partner.
    @inlinable func match(
        _ key: Key, _ times: ClosedRange<Int64>?, _ body: (JoinEntry<Record>) throws -> Void
    ) rethrows {
        guard let times else { return }
        if times.lowerBound < lastingFrom {
            let latest = min(times.upperBound, lastingFrom - 1)
            for bucket in bucket(times.lowerBound)...bucket(latest) { try match(key, bucket, times, body) }
        }
        if times.upperBound >= lastingFrom { try match(key, bucket(times.upperBound), times, body) }
    }

    @inlinable func match(
        _ key: Key, _ bucket: Int64, _ times: ClosedRange<Int64>, _ body: (JoinEntry<Record>) throws -> Void
    ) rethrows {
        var isNew = false
        try lists.forEach(key, bucket) { entry in
            guard times.contains(entry.time) else { return }
            isNew = isNew || !entry.isMatched
            try body(entry)
        }
        guard keepsUnmatched, isNew else { return }
        lists.change(key, bucket, where: { !$0.isMatched && times.contains($0.time) }, { $0.isMatched = true })
    }

    /// The watermark has reached a timer at `millis`: forgets what is held until then, and hands what stayed alone to `body`.
    @inlinable func expire(_ key: Key, at millis: Int64, _ body: (JoinEntry<Record>) throws -> Void) rethrows {
        let (due, overflow) = millis.subtractingReportingOverflow(hold)
        guard !overflow else { return }  // the other side's timer
        let bucket = bucket(due)
        if keepsUnmatched {
            try lists.forEach(key, bucket) { entry in
                if !entry.isMatched, entry.time.addingSaturating(hold) == millis { try body(entry) }
            }
        }
        if due == last(ofBucketOf: due) || millis == .max { lists.remove(key, bucket) }
    }

    // MARK: Buckets

    /// From here on records share the last bucket (S3). `Int64.max`, where no record is held that long, is a bucket of one.
    @inlinable var lastingFrom: Int64 { hold > 0 ? .max - hold : .max }

    @inlinable func bucket(_ time: Int64) -> Int64 {
        if time >= lastingFrom { return .max }
        let quotient = time / width
        return time % width < 0 ? quotient - 1 : quotient
    }

    @inlinable func last(ofBucketOf time: Int64) -> Int64 {
        if time >= lastingFrom { return .max }
        let rest = time % width
        return min(time.addingSaturating(width - 1 - (rest < 0 ? rest + width : rest)), lastingFrom - 1)
    }
}

/// How far from a record's time those of its partners may be.
@usableFromInline package struct Reach: Sendable {
    @usableFromInline let from: Int64
    @usableFromInline let through: Int64

    @inlinable package init(from: Int64, through: Int64) {
        self.from = max(from, -.max)
        self.through = max(through, -.max)
    }

    /// As seen from the partner.
    @inlinable package var opposite: Reach { Reach(from: -through, through: -from) }

    /// The part of it that exists; `nil` when it lies before the beginning or after the end of time.
    @inlinable package func times(around time: Int64) -> ClosedRange<Int64>? {
        let (earliest, isBefore) = time.addingReportingOverflow(from)
        let (latest, isAfter) = time.addingReportingOverflow(through)
        if isBefore && from > 0 || isAfter && through < 0 { return nil }
        return (isBefore ? .min : earliest)...(isAfter ? .max : latest)
    }
}

/// A record in the buffer of a join.
@usableFromInline struct JoinEntry<Record: StateCodable>: StateCodable {
    @usableFromInline var time: Int64
    @usableFromInline var isMatched: Bool
    @usableFromInline var record: Record

    @inlinable init(_ time: Int64, _ isMatched: Bool, _ record: Record) {
        self.time = time
        self.isMatched = isMatched
        self.record = record
    }

    @usableFromInline static var stateSchema: String { "join-entry1(\(Record.stateSchema))" }

    @inlinable func encode(into writer: inout ByteWriter) {
        writer.integer(time)
        isMatched.encode(into: &writer)
        record.encode(into: &writer)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        time = try reader.integer()
        isMatched = try Bool(from: &reader)
        record = try Record(from: &reader)
    }
}
