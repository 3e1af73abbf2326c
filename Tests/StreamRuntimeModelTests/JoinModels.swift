import StreamRuntime

func pairing(_ first: Event?, _ second: Event?) -> String {
    "\(first.map { "\($0.id)" } ?? "-")+\(second.map { "\($0.id)" } ?? "-")"
}

/// Every pair of accepted records within reach; what stayed alone, once no partner can come.
struct IntervalModel: PairModel {
    let lower: Int64
    let upper: Int64
    let keepsFirst: Bool
    let keepsSecond: Bool
    private var firsts: [Event] = []
    private var seconds: [Event] = []
    private var settledFirsts: Set<Int64> = []
    private var settledSeconds: Set<Int64> = []
    private var reached = Int64.min

    init(lower: Int64, upper: Int64, keepsFirst: Bool, keepsSecond: Bool) {
        self.lower = lower
        self.upper = upper
        self.keepsFirst = keepsFirst
        self.keepsSecond = keepsSecond
    }

    private func areJoined(_ first: Event, _ second: Event) -> Bool {
        let distance = Int128(second.millis) - Int128(first.millis)
        return first.key == second.key && distance >= Int128(lower) && distance <= Int128(upper)
    }

    mutating func first(_ event: Event) -> [String]? {
        guard event.millis > reached else { return nil }
        firsts.append(event)
        let partners = seconds.filter { areJoined(event, $0) }
        for partner in partners { settledSeconds.insert(partner.id) }
        if !partners.isEmpty { settledFirsts.insert(event.id) }
        return partners.map { "\(pairing(event, $0))@\(max(event.millis, $0.millis))" } + alone()
    }

    mutating func second(_ event: Event) -> [String]? {
        guard event.millis > reached else { return nil }
        seconds.append(event)
        let partners = firsts.filter { areJoined($0, event) }
        for partner in partners { settledFirsts.insert(partner.id) }
        if !partners.isEmpty { settledSeconds.insert(event.id) }
        return partners.map { "\(pairing($0, event))@\(max(event.millis, $0.millis))" } + alone()
    }

    mutating func watermark(_ time: Int64) -> [String] {
        reached = time
        return alone()
    }

    /// The last time at which a partner could come, as far as time goes.
    private func end(_ event: Event, _ hold: Int64) -> Int64 {
        Int64(clamping: Int128(event.millis) + Int128(hold))
    }

    private mutating func alone() -> [String] {
        var results: [String] = []
        for event in firsts where keepsFirst && end(event, upper) <= reached && settledFirsts.insert(event.id).inserted {
            results.append("\(pairing(event, nil))@\(max(event.millis, end(event, upper)))")
        }
        for event in seconds where keepsSecond && end(event, -lower) <= reached && settledSeconds.insert(event.id).inserted {
            results.append("\(pairing(nil, event))@\(max(event.millis, end(event, -lower)))")
        }
        return results
    }
}

/// Each record with the latest version that is not after it, of all that have come.
struct TemporalModel: PairModel {
    let keepsFirst: Bool
    private var waiting: [Event] = []
    private var versions: [Event] = []
    private var reached = Int64.min

    init(keepsFirst: Bool) { self.keepsFirst = keepsFirst }

    mutating func first(_ event: Event) -> [String]? {
        guard event.millis > reached else { return nil }
        waiting.append(event)
        return []
    }

    mutating func second(_ event: Event) -> [String]? {
        if event.millis <= reached, let valid = valid(event.key, at: reached), valid.millis > event.millis { return nil }
        versions.append(event)
        forgetRemoved(event.key)
        return []
    }

    mutating func watermark(_ time: Int64) -> [String] {
        reached = time
        let due = waiting.filter { $0.millis <= time }
        waiting.removeAll { $0.millis <= time }
        let results = due.compactMap { event -> String? in
            let version = valid(event.key, at: event.millis).flatMap { $0.isRemoval ? nil : $0 }
            return version == nil && !keepsFirst ? nil : "\(pairing(event, version))@\(event.millis)"
        }
        for key in Set(versions.map(\.key)) { forgetRemoved(key) }
        return results
    }

    private func valid(_ key: Int64, at time: Int64) -> Event? {
        versions.filter { $0.key == key && $0.millis <= time }.max { ($0.millis, $0.id) < ($1.millis, $1.id) }
    }

    /// A removal that the watermark has passed is forgotten with all before it.
    private mutating func forgetRemoved(_ key: Int64) {
        guard let last = valid(key, at: reached), last.isRemoval else { return }
        versions.removeAll { $0.key == key && $0.millis <= reached }
    }
}
