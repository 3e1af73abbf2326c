import WeirKit

/// How far an operation is, in Flink's shape. What there is nothing of is left out, as Flink leaves it out. Pure.
package enum OperationView {
    package static func json(_ operation: Operation) -> JSON {
        switch operation.status {
        case .inProgress: ["status": ["id": "IN_PROGRESS"]]
        case .completed(let location, let checkpoint):
            completed([
                "location": location.map { JSON($0) }, "checkpointId": checkpoint.map { JSON($0) },
                "weir": operation.note.map { ["note": JSON($0)] },
            ])
        case .failed(let reason):
            failed(operation, FlinkThrowable.json(class: operation.cause.rawValue, reason))
        }
    }

    /// Flink has another name for the cause in its checkpoints.
    private static func failed(_ operation: Operation, _ cause: JSON) -> JSON {
        completed(["failure-cause": cause, "failureCause": operation.kind.resource == "checkpoints" ? cause : nil])
    }

    private static func completed(_ result: [String: JSON?]) -> JSON {
        ["status": ["id": "COMPLETED"], "operation": .object(result.compactMapValues { $0 })]
    }
}
