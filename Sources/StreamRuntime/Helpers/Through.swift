extension Stream {
    /// Writes the records to `sink` and reads them back from `source`: a topic in between. `name` names the pair in plans,
    /// checkpoints and metrics: `name-write`, `name-read`.
    ///
    ///     orders.through("by-user", sink: LogSink(…, topic: "orders-by-user"), source: LogSource(…, topics: ["orders-by-user"]))
    ///         .watermarks(…)
    ///         .keyed(by: \.user)
    ///
    /// A topic is how records change places between the processes of one job, and a point from
    /// which others can read. What it means:
    /// - Exactly once, when the sink is: the source sees a record once its epoch is decided, and its own positions are
    ///   part of the same checkpoints. So the way through costs about a checkpoint interval of latency.
    /// - Event time does not survive the way: begin it again behind, from the record.
    /// - Such a source does not end when the stream before it does. The job runs until it is stopped; what was written
    ///   then and not yet read is read by the next run.
    @inlinable public func through<Through: Sink, Back: Source>(
        _ name: OperatorID, sink: Through, source: Back
    ) -> Stream<SourceHead<Back>> where Through.Element == Element {
        self.sink(sink, id: OperatorID("\(name)-write"))
        return flow.source(source, id: OperatorID("\(name)-read"))
    }
}
