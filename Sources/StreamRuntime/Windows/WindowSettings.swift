/// What a window operator is told. Immutable.
@usableFromInline struct WindowSettings: Sendable {
    @usableFromInline let assigner: WindowAssigner
    @usableFromInline var trigger = WindowTrigger.atEnd
    @usableFromInline var latenessMillis: Int64 = 0
    @usableFromInline var hasLateOutput = false

    @usableFromInline init(_ assigner: WindowAssigner) { self.assigner = assigner }

    @usableFromInline var traits: GraphNode.Traits {
        guard !assigner.isProcessingTime else { return .stateful }
        switch assigner.kind {
        case .grid, .session: return [.stateful, .needsTime]
        case .global, .count: return .stateful
        }
    }

    /// One accumulator for each slice can serve all windows over it: no state of a window's own is needed.
    @usableFromInline var canSlice: Bool {
        guard case .grid(let size, let slide, _) = assigner.kind, slide < size, !trigger.hasEarly else { return false }
        return latenessMillis == 0 || (trigger.lateCount == 1 && !trigger.isDiscarding)
    }

    /// What makes these windows impossible, for the author of the job.
    @usableFromInline var problem: String? { kindProblem ?? triggerProblem ?? latenessProblem }

    private var kindProblem: String? {
        switch assigner.kind {
        case .grid(let size, let slide, _):
            if size < 1 { return "the size of a window must be at least one millisecond" }
            return slide < 1 ? "windows must be at least one millisecond apart" : nil
        case .session(let gap): return gap < 1 ? "the gap between sessions must be at least one millisecond" : nil
        case .global: return assigner.isProcessingTime ? "a global window has no time; leave out .processingTime" : nil
        case .count(let size, let every):
            if size < 1 || every < 1 { return "a count window needs a size and a step of at least one record" }
            return assigner.isProcessingTime ? "count windows have no time; leave out .processingTime" : nil
        }
    }

    private var triggerProblem: String? {
        if case .count = assigner.kind, trigger != .atEnd { return "count windows fire by their count; leave out .trigger(…)" }
        if trigger.earlyCount < 1 || trigger.lateCount < 1 { return "a trigger's count must be at least one record" }
        if let millis = trigger.earlyMillis, millis < 1 { return "a trigger's period must be at least one millisecond" }
        return nil
    }

    private var latenessProblem: String? {
        if latenessMillis < 0 { return "the allowed lateness is negative" }
        guard latenessMillis > 0 || hasLateOutput else { return nil }
        let refusal = "for these windows no record is ever late; leave out .allowedLateness(…) and .lateOutput(…)"
        if assigner.isProcessingTime { return refusal }
        switch assigner.kind {
        case .grid, .session: return nil
        case .global, .count: return refusal
        }
    }
}
