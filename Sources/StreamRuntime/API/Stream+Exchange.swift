// How a stream's records are dealt out to the subtasks of what follows.

extension Stream {
    /// Spreads the records evenly over all subtasks that follow; their order is not kept.
    @inlinable public func rebalanced() -> Stream<InputHead<Element>> {
        exchange("rebalance", .rebalance) { task, output, _ in task.batchRouter(output, of: Element.self) }
    }

    /// Spreads the records of each subtask evenly over those that lie next to it: cheaper than `rebalanced`, because not
    /// every subtask has a channel to every other, but only as even as the streams before.
    @inlinable public func rescaled() -> Stream<InputHead<Element>> {
        exchange("rescale", .rescale) { task, output, _ in task.batchRouter(output, of: Element.self) }
    }

    /// Gives every subtask that follows a copy of each record.
    @inlinable public func broadcasted() -> Stream<InputHead<Element>> {
        exchange("broadcast", .broadcast) { task, output, _ in
            BroadcastRouter(task.writer(output, of: Element.self), task.signals)
        }
    }

    /// Brings all records to the first subtask of what follows.
    @inlinable public func global() -> Stream<InputHead<Element>> {
        exchange("global", .global) { task, output, _ in task.batchRouter(output, of: Element.self) }
    }

    /// Brings each record to the subtask that `choose` names, of so many, counted from 0. One that does not exist fails the
    /// attempt with a `PartitioningError`.
    @inlinable public func partitioned(
        by choose: @escaping @Sendable (Element, _ subtasks: Int) throws -> Int
    ) -> Stream<InputHead<Element>> {
        exchange("partition", .custom) { task, output, id in
            CustomRouter(task.writer(output, of: Element.self), task.signals, id, choose)
        }
    }

    /// `end`: writes into the given output of the task.
    @inlinable func exchange<End: Collector<Element>>(
        _ id: OperatorID, _ exchange: GraphNode.Exchange,
        _ end: @escaping @Sendable (TaskBuilder, _ output: Int, OperatorID) -> End
    ) -> Stream<InputHead<Element>> {
        let node = flow.add(id, .exchange(exchange), inputs: [self.node])
        let chain = chain
        let next = Stream<InputHead<Element>>(flow, InputHead(), node)
        flow.complete(node) { task in
            let ends = task.fanOut { end(task, $0, task.operatorID(node)) }
            return task.startsAt(node) ? try task.inputHead(ends) : try chain.connect(ends, task)
        }
        return next
    }
}
