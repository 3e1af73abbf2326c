import Testing
import TraceContext

@Suite struct SpanContextTests {
    static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func aWellFormedParentIsReadAndWrittenAlike() throws {
        let context = try #require(SpanContext(traceparent: Self.parent))
        #expect("\(context.traceID)" == "0af7651916cd43dd8448eb211c80319c")
        #expect("\(context.spanID)" == "b7ad6b7169203331")
        #expect(context.isSampled)
        #expect(context.traceparent == Self.parent)
    }

    @Test(arguments: [
        "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
    ])
    func aMalformedParentIsNone(_ text: String) {
        #expect(SpanContext(traceparent: text) == nil)
    }

    @Test func aLaterVersionIsReadByItsKnownParts() throws {
        let later = "cc" + Self.parent.dropFirst(2) + "-what-comes"
        #expect(try #require(SpanContext(traceparent: later)).traceparent == Self.parent)
    }

    @Test func flagsBesideTheKnownOneAreNotHandedOn() throws {
        let context = try #require(SpanContext(traceparent: Self.parent.dropLast(2) + "fe"))
        #expect(!context.isSampled)
        #expect(context.traceparent.hasSuffix("-00"))
    }

    @Test(arguments: [
        "rojo=00f067aa0ba902b7", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7", "fw529a3039@dt=FfMBR1vAA", "a=1, b=2", "a=1,,b=2",
    ])
    func aWellFormedStateIsKeptAsItIs(_ state: String) throws {
        #expect(try #require(SpanContext(traceparent: Self.parent, tracestate: state)).state == state)
    }

    @Test(arguments: [
        "", "a", "=1", "a=", "A=1", "a=1,a=2", "a=1=2", "a=\u{7f}", "a b=1",
        (0..<33).map { "k\($0)=1" }.joined(separator: ","), "a=" + String(repeating: "x", count: 300),
    ])
    func aMalformedStateIsLeftOut(_ state: String) throws {
        let context = try #require(SpanContext(traceparent: Self.parent, tracestate: state))
        #expect(context.state == nil)
        #expect(context.traceparent == Self.parent)
    }

    @Test func randomIdsDiffer() {
        #expect(Set((0..<1_000).map { _ in TraceID.random() }).count == 1_000)
        #expect(Set((0..<1_000).map { _ in SpanID.random() }).count == 1_000)
    }
}
