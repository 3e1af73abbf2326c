/// A window operator behind an exchange by key. Which of the four operators runs is decided as the task is made, so that
/// each has a loop of its own and no record pays for the choice.
public struct WindowStage<A: Aggregate, E: WindowEmitter>: Chain where E.Value == A.Output, E.Key: StreamKey {
    public typealias Element = E.Output
    @usableFromInline let node: NodeIndex
    @usableFromInline let settings: WindowSettings
    @usableFromInline let late: SideOutput<A.Input>?
    @usableFromInline let key: @Sendable (A.Input) -> E.Key
    @usableFromInline let aggregate: A
    @usableFromInline let emitter: E

    @inlinable init(
        _ node: NodeIndex, _ settings: WindowSettings, _ late: SideOutput<A.Input>?,
        _ key: @escaping @Sendable (A.Input) -> E.Key, _ aggregate: A, _ emitter: E
    ) {
        self.node = node
        self.settings = settings
        self.late = late
        self.key = key
        self.aggregate = aggregate
        self.emitter = emitter
    }

    @inlinable public func connect<End: Collector>(_ end: End, _ task: TaskBuilder) throws -> TaskBody
    where End.Element == Element {
        let context = task.operatorContext(node)
        let logic = WindowLogic(aggregate, emitter, key, late: late, context)
        let meter = task.meter(node)
        switch settings.assigner.kind {
        case .grid(let size, let slide, let offset):
            let grid = WindowGrid(size: size, slide: slide, offset: offset)
            guard settings.canSlice else {
                let windows = try task.inFront(of: end) { try GridWindows(context, logic, grid, settings) }
                return try task.inputHead(Link(windows, end, meter))
            }
            let windows = try task.inFront(of: end) { try SlicedWindows(context, logic, grid, settings) }
            return try task.inputHead(Link(windows, end, meter))
        case .global:
            let windows = try task.inFront(of: end) { try GridWindows(context, logic, .global, settings) }
            return try task.inputHead(Link(windows, end, meter))
        case .session(let gap):
            let windows = try task.inFront(of: end) { try SessionWindows(context, logic, gap: gap, settings) }
            return try task.inputHead(Link(windows, end, meter))
        case .count(let size, let every):
            let windows = try task.inFront(of: end) { try CountWindows(context, logic, size: size, every: every) }
            return try task.inputHead(Link(windows, end, meter))
        }
    }
}
