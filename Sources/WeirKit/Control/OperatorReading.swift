import StreamRuntime

extension JobSnapshot {
    /// What an operator has done in all its subtasks since the process began.
    public struct OperatorReading: Sendable, Codable, Equatable {
        public let operatorID: String
        /// `nil`: it takes none in, as a source, or none that are counted, as an exchange.
        public let recordsIn: Int?
        /// `nil`: it puts none out, as a sink.
        public let recordsOut: Int?
        /// Of a source that tells: records between its splits' positions and their ends.
        public let lagRecords: Int?

        public init(operatorID: String, recordsIn: Int?, recordsOut: Int?, lagRecords: Int?) {
            self.operatorID = operatorID
            self.recordsIn = recordsIn
            self.recordsOut = recordsOut
            self.lagRecords = lagRecords
        }
    }
}

extension JobSnapshot.OperatorReading {
    package static func all(of plan: JobDescription, _ metrics: MetricRegistry) -> [Self] {
        let recordsIn = sums(of: "weir_operator_records_in_total", metrics)
        let recordsOut = sums(of: "weir_operator_records_out_total", metrics)
        let lags = sums(of: "weir_source_lag_records", metrics)
        return plan.vertices.flatMap(\.operators).map {
            Self(
                operatorID: $0.id, recordsIn: $0.kind == .source ? nil : recordsIn[$0.id],
                recordsOut: $0.kind == .sink ? nil : recordsOut[$0.id], lagRecords: lags[$0.id])
        }
    }

    /// Over subtasks and splits, by operator.
    private static func sums(of family: String, _ metrics: MetricRegistry) -> [String: Int] {
        metrics.sums(family, by: "operator").mapValues { Int($0) }
    }
}
