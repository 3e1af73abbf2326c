/// The watermarks of a subtask's splits and what they come to together: the part of `AssignWatermarks` that does not depend
/// on the record's type. Owned by one task thread.
@usableFromInline struct SplitProgress {
    @usableFromInline enum Change: Equatable {
        case watermark(Int64)
        /// No split holds event time back.
        case idle
    }

    private struct Split {
        var watermark: Int64
        var lastRecordMillis: Int64
        var isSuspect = false
        var isIdle = false
    }

    private static let listName = "watermarks"
    private static let listSchema = "split-watermark"

    private let context: OperatorContext
    private let cursor: SplitCursor
    private let options: WatermarkOptions
    private let member: WatermarkAlignment.Member?
    private let gauge: MetricRegistry.Cell
    private let gauges: SplitGauges
    private var splits: [Split]
    private var emitted = Int64.min
    private var isAllIdle = false

    @usableFromInline init(context: OperatorContext, splits cursor: SplitCursor, options: WatermarkOptions) throws {
        self.context = context
        self.cursor = cursor
        self.options = options
        var reached: [String: Int64] = [:]
        for item in try context.restoredUnionList(Self.listName, Self.listSchema) {
            try item.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                let id = String(decoding: try reader.sized(), as: UTF8.self)
                let time = try reader.integer(Int64.self)
                reached[id] = min(reached[id] ?? .max, time)
            }
        }
        let now = context.clock.monotonicMillis
        splits = cursor.ids.map { Split(watermark: reached[$0] ?? .min, lastRecordMillis: now) }
        member = options.alignment.map { context.alignments.join($0.group, splits: cursor.ids.count) }
        if member != nil { cursor.isAligned = true }
        gauge = context.metrics.gauge(
            .watermark, labels: ["operator": context.operatorID.rawValue, "subtask": String(context.subtask)],
            scale: 1e-3)  // kept in milliseconds
        gauges = SplitGauges(context)
        context.services.requestTick()  // a subtask without splits is idle from the beginning
    }

    @usableFromInline mutating func observe(_ index: Int, _ watermark: Int64, hasRecords: Bool) {
        // The end of event time comes with that of the source (`end`), not with a record of that time.
        splits[index].watermark = max(splits[index].watermark, min(watermark, .max - 1))
        guard hasRecords else { return }
        splits[index].isIdle = false
        splits[index].isSuspect = false
        splits[index].lastRecordMillis = .max  // dated when the next look at the clock is due anyway
    }

    /// What to tell the operators behind, if anything is new.
    @usableFromInline mutating func advance() -> Change? {
        findIdleSplits()
        let slowestOfGroup = align()
        show(slowestOfGroup)
        var least = Int64.max
        var holds = false
        for index in splits.indices where !splits[index].isIdle && !isEnded(index) {
            least = min(least, splits[index].watermark)
            holds = true
        }
        guard holds else {
            // Once every split has ended the end of event time comes, and idleness must not overtake it.
            let hasEnded = splits.indices.allSatisfy(isEnded) && !cursor.isEmpty
            defer { isAllIdle = true }
            return isAllIdle || hasEnded ? nil : .idle
        }
        let wasIdle = isAllIdle
        isAllIdle = false
        guard least > emitted else { return wasIdle ? .watermark(emitted) : nil }
        emitted = least
        gauge.set(Int(least))
        return .watermark(least)
    }

    /// The source has ended.
    @usableFromInline mutating func end() -> Int64 {
        emitted = .max
        if let member { for index in splits.indices { member.publish(index, .max) } }
        gauges.show(SplitGauges.Reading(), slowestOfGroup: nil)
        return .max
    }

    private func show(_ slowestOfGroup: Int64?) {
        var reading = SplitGauges.Reading()
        for index in splits.indices where !isEnded(index) {
            reading.add(watermark: splits[index].watermark, isIdle: splits[index].isIdle, isPaused: cursor.isPaused(index))
        }
        gauges.show(reading, slowestOfGroup: slowestOfGroup)
    }

    private func isEnded(_ index: Int) -> Bool { cursor.ended[index] }

    private mutating func findIdleSplits() {
        guard let limit = options.idleAfterMillis else { return }
        let now = context.clock.monotonicMillis
        var nextLook = Int64.max
        for index in splits.indices where !isEnded(index) && !splits[index].isIdle {
            if splits[index].lastRecordMillis == .max || cursor.isLeftAlone(index) { splits[index].lastRecordMillis = now }
            let due = splits[index].lastRecordMillis.addingSaturating(limit)
            if now < due {
                nextLook = min(nextLook, due)
            } else if splits[index].isSuspect {
                splits[index].isIdle = true
            } else {
                splits[index].isSuspect = true
                nextLook = min(nextLook, now + max(1, min(limit / 10, 50)))
            }
        }
        if nextLook != .max { context.services.wantTick(atMonotonicMillis: nextLook) }
    }

    /// What the slowest of the group has reached; `nil` where there is none.
    private func align() -> Int64? {
        guard let member, let alignment = options.alignment else { return nil }
        for index in splits.indices {
            member.publish(index, isEnded(index) || splits[index].isIdle ? .max : splits[index].watermark)
        }
        let slowest = member.slowest()
        var isAnyPaused = false
        for index in splits.indices {
            let isAhead = slowest != .max && splits[index].watermark > slowest.addingSaturating(alignment.driftMillis)
            cursor.setPaused(index, isAhead)
            isAnyPaused = isAnyPaused || isAhead
        }
        cursor.areAllPaused = isAnyPaused && splits.indices.allSatisfy { cursor.isPaused($0) || isEnded($0) }
        // What the others have reached is looked at again soon; a paused reader brings no records to look after.
        if isAnyPaused { context.services.wantTick(atMonotonicMillis: context.clock.monotonicMillis + 5) }
        return slowest
    }

    @usableFromInline func snapshot(into snapshot: TaskSnapshot) {
        let items = splits.indices.map { index in
            var writer = ByteWriter(capacity: 64)
            writer.sized(Array(cursor.ids[index].utf8))
            writer.integer(splits[index].watermark)
            return OperatorList.Item(keyGroup: context.ownedKeyGroups.lowerBound, bytes: writer.bytes)
        }
        snapshot.add(
            OperatorList(operatorID: context.operatorID, name: Self.listName, schema: Self.listSchema, items: items))
    }

    @usableFromInline func close() { member?.leave() }
}

extension Int64 {
    /// The sum, or the nearest value there is.
    @inlinable func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }

    @inlinable func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
