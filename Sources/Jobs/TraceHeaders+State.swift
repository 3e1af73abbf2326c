import StreamRuntime
import TraceContext

// Traces live in checkpoints with what is in flight, and go on after a restart.
extension TraceHeaders {
    func encode(into writer: inout ByteWriter) {
        writer.string(traceparent ?? "")
        writer.string(tracestate ?? "")
    }

    init(from reader: inout ByteReader) throws {
        let (parent, state) = (try reader.string(), try reader.string())
        self.init(traceparent: parent.isEmpty ? nil : parent, tracestate: state.isEmpty ? nil : state)
    }
}
