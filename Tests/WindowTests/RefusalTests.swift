import StreamRuntime
import StreamRuntimeTesting
import Testing

/// What cannot work is refused when the job starts, in words that name the operator.
@Suite struct RefusalTests {
    private func refusal(
        _ assigner: WindowAssigner,
        _ change: (WindowedStream<HarnessInput<Event>, Int64>) -> WindowedStream<HarnessInput<Event>, Int64> = { $0 }
    ) -> String {
        do {
            _ = try OperatorHarness(parallelism: 1) { (events: Events) in
                change(events.keyed(by: \.key).window(assigner)).aggregate(Count()).id("my-window")
            }
            return ""
        } catch { return "\(error)" }
    }

    @Test func sizesMustBePositive() {
        for assigner in [
            WindowAssigner.tumbling(.zero), .tumbling(.microseconds(900)), .tumbling(.seconds(-1)),
            .sliding(.zero, every: .seconds(1)), .sliding(.seconds(1), every: .zero), .session(gap: .zero), .count(0),
            .count(5, every: 0), .tumbling(.zero).processingTime,
        ] {
            let message = refusal(assigner)
            #expect(message.contains("operator 'my-window': ") && message.contains("at least one"), "\(message)")
        }
    }

    @Test func triggersMustBePossible() {
        for trigger in [
            WindowTrigger.atEnd.early(count: 0), .atEnd.late(count: 0), .atEnd.early(every: .zero),
            .atEnd.early(every: .seconds(-1)),
        ] {
            #expect(refusal(.tumbling(.seconds(1))) { $0.trigger(trigger) }.contains("a trigger's"))
        }
        #expect(refusal(.count(3)) { $0.trigger(.atEnd.early(count: 1)) }.contains("leave out .trigger"))
    }

    @Test func latenessNeedsWindowsThatKnowIt() {
        #expect(refusal(.tumbling(.seconds(1))) { $0.allowedLateness(.seconds(-1)) }.contains("negative"))
        for assigner in [WindowAssigner.count(3), .global, .session(gap: .seconds(1)).processingTime] {
            #expect(refusal(assigner) { $0.allowedLateness(.seconds(1)) }.contains("no record is ever late"))
            #expect(refusal(assigner) { $0.lateOutput(SideOutput("late")) }.contains("no record is ever late"))
        }
        #expect(refusal(.global.processingTime).contains("leave out .processingTime"))
        #expect(refusal(.count(3).processingTime).contains("leave out .processingTime"))
    }

    @Test func whatIsRightIsNotRefused() {
        for assigner in [
            WindowAssigner.tumbling(.milliseconds(1)), .sliding(.seconds(1), every: .seconds(5)), .global, .count(1),
            .tumbling(.days(1), offset: .hours(-1)),
        ] { #expect(refusal(assigner) == "") }
    }

    @Test func eventTimeWindowsNeedEventTime() {
        func start(_ assigner: WindowAssigner) throws {
            _ = try JobTest { flow in
                flow.source(TestSource<Int64>()).keyed(by: { $0 }).window(assigner).aggregate(Count()).id("my-window")
                    .sink(ForEachSink { _ in })
            }
        }
        for assigner in [WindowAssigner.tumbling(.seconds(1)), .session(gap: .seconds(1))] {
            #expect { try start(assigner) } throws: { error in
                "\(error)".contains("operator 'my-window' works on event time") && "\(error)".contains(".watermarks(")
            }
        }
        for assigner in [WindowAssigner.tumbling(.seconds(1)).processingTime, .global, .count(2)] {
            #expect(throws: Never.self) { try start(assigner) }
        }
    }
}
