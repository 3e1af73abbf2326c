extension WindowedStream where Element: StateCodable {
    /// The `n` greatest records of each window by a measure, greatest first. Only those are kept.
    ///
    ///     trades.keyed(by: \.exchange).window(.tumbling(.minutes(1))).topN(3, by: \.volume)
    @inlinable public func topN<Measure: Comparable>(
        _ n: Int, by measure: @escaping @Sendable (Element) -> Measure
    ) -> Stream<WindowStage<TopN<Element, Measure>, EmitResults<Key, [Element]>>> {
        let made = aggregate(TopN(max(1, n), by: measure))
        if n < 1 { made.flow.refuse(made.node, "topN needs n of at least 1, got \(n)") }
        return made
    }
}
