/// Turns a plan into tasks and channels. Downstream vertices first: a channel needs to know the
/// records its reader takes.
struct AttemptBuilder {
    let plan: Plan
    let environment: TaskEnvironment
    let batchRecords: Int
    let executor: any TaskExecutor
    let report: @Sendable (_ task: Int, StreamTask.Report) -> Void

    struct Built {
        var tasks: [StreamTask] = []
        /// How many writers the deciding domain has.
        var transactionalWriters = 0
    }

    private struct Pending {
        let vertex: Vertex
        let builder: TaskBuilder
        let body: TaskBody
    }

    func build() throws -> Built {
        var inputChannels: [[[Channel]]] = plan.vertices.map { Array(repeating: [], count: $0.parallelism) }
        var layouts: [[ElementLayout]] = plan.vertices.map { _ in [] }
        var pending: [Pending] = []
        do {
            for vertex in plan.vertices.reversed() {
                for subtask in 0..<vertex.parallelism {
                    let made = try makeBody(vertex, subtask, layouts, &inputChannels)
                    layouts[vertex.index] = made.builder.inputLayouts
                    pending.append(made)
                }
            }
        } catch {
            for made in pending { close(made) }
            throw error
        }
        return assemble(pending.reversed(), inputChannels)
    }

    private func close(_ made: Pending) {
        try? made.body.handle(.close)
        made.body.dispose()
    }

    private func makeBody(
        _ vertex: Vertex, _ subtask: Int, _ layouts: [[ElementLayout]], _ inputChannels: inout [[[Channel]]]
    ) throws -> Pending {
        let backPressure = BackPressure()
        let services = TaskServices(
            backPressure: backPressure, waker: executor.waker(ofSubtask: subtask), timersAtOnce: batchRecords)
        var gates: [OutputGate] = []
        var roundRobin: [Bool] = []
        var sideGates: [TaskBuilder.SideGate] = []
        for edge in plan.outputs(of: vertex.index) {
            guard layouts[edge.to].indices.contains(edge.ordinal) else {
                throw GraphError("operator chain '\(plan.vertices[edge.to].name)' takes no input")
            }
            let layout = layouts[edge.to][edge.ordinal]
            let targets = edge.pattern.targets(of: subtask, from: vertex.parallelism, to: plan.vertices[edge.to].parallelism)
            let channels = targets.map { target in
                Channel(
                    layout: layout, batchRecords: batchRecords, isShallow: edge.isShallow, isTimed: edge.isTimed,
                    ordinal: edge.ordinal, producer: executor.waker(ofSubtask: subtask),
                    consumer: executor.waker(ofSubtask: target))
            }
            for (target, channel) in zip(targets, channels) { inputChannels[edge.to][target].append(channel) }
            let gate = OutputGate(channels, layout: layout, backPressure: backPressure)
            if let side = edge.sideOutput {
                sideGates.append(TaskBuilder.SideGate(node: side.node, name: side.name, gate: gate))
            } else {
                gates.append(gate)
                roundRobin.append(edge.pattern == .rebalance || edge.pattern == .rescale)
            }
        }
        let builder = TaskBuilder(
            vertex: vertex, subtask: subtask, services: services, outputs: gates, outputIsRoundRobin: roundRobin,
            sideOutputs: sideGates, environment: environment)
        do {
            let made = Pending(
                vertex: vertex, builder: builder, body: try environment.graph.node(vertex.end).makeTask(builder))
            do { try builder.checkSideOutputs() } catch {
                close(made)
                throw error
            }
            return made
        } catch {
            builder.abandon()
            throw error
        }
    }

    private func assemble(_ pending: [Pending], _ inputChannels: [[[Channel]]]) -> Built {
        var built = Built()
        for (index, made) in pending.enumerated() {
            let channels = inputChannels[made.vertex.index][made.builder.subtask]
            let report = report
            let task = StreamTask(
                name: "\(made.vertex.name) (\(made.builder.subtask + 1)/\(made.vertex.parallelism))",
                body: made.body, input: channels.isEmpty ? nil : InputGate(channels), builder: made.builder,
                timing: TaskTiming(environment.metrics, task: made.vertex.name, subtask: made.builder.subtask),
                report: { report(index, $0) })
            built.tasks.append(task)
            executor.add(task, subtask: made.builder.subtask)
            publishRecordsOut(made)
        }
        for vertex in plan.vertices where environment.graph.node(vertex.end).transactions != nil {
            built.transactionalWriters += vertex.parallelism
        }
        return built
    }

    /// What an operator put out is what the next one of its chain took in, or what the task sent.
    private func publishRecordsOut(_ made: Pending) {
        let subtask = made.builder.subtask
        for (position, node) in made.vertex.nodes.enumerated() {
            let operatorNode = environment.graph.node(node)
            if operatorNode.isSink { continue }
            let next = position + 1 < made.vertex.nodes.count ? made.vertex.nodes[position + 1] : nil
            let cell: MetricRegistry.Cell
            if let next, !environment.graph.node(next).isExchange {
                cell = made.builder.meter(next).recordsIn
            } else {
                cell = made.builder.recordsSent
            }
            environment.metrics.computed(
                .recordsOut, labels: ["operator": operatorNode.id.rawValue, "subtask": String(subtask)]
            ) { Double(cell.value) }
        }
    }
}
