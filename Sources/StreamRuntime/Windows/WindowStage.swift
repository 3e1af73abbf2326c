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
        func head<Windows: Operator>(_ make: () throws -> Windows) throws -> TaskBody
        where Windows.Input == A.Input, Windows.Output == Element {
            try task.inputHead(try task.link(node, end, make))
        }
        switch settings.assigner.kind {
        case .grid(let size, let slide, let offset):
            let grid = WindowGrid(size: size, slide: slide, offset: offset)
            return settings.canSlice
                ? try head { try SlicedWindows(context, logic, grid, settings) }
                : try head { try GridWindows(context, logic, grid, settings) }
        case .global: return try head { try GridWindows(context, logic, .global, settings) }
        case .session(let gap): return try head { try SessionWindows(context, logic, gap: gap, settings) }
        case .count(let size, let every): return try head { try CountWindows(context, logic, size: size, every: every) }
        }
    }
}
