import ControlPlane
import Foundation
import StreamRuntime
import Testing
import WeirKit

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct SymbolNameTests {
    @Test func aMangledNameIsShownWithoutTypes() {
        let names = [
            "$s4main3foo2byySi_tF": "main.foo(by:)",
            "$sSS5countSivg": "Swift.String.count.getter",
            "$s4main3fooyySi_SitF": "main.foo(_:_:)",
            "$s4main3fooyyF": "main.foo()",
            "$s4main3fooyySi_SitFySiXEfU_": "closure #1 in main.foo(_:_:)",
            "$s4main1AC3run33_0123456789ABCDEF0123456789ABCDEFLLyyF": "main.A.run()",
            "$s4main3fooyyYaFTY0_": "suspend resume partial function for main.foo()",
        ]
        for (mangled, short) in names { #expect(SymbolName.short(mangled) == short) }
    }

    @Test func whatIsNotSwiftsStaysAsItIs() {
        for name in ["rd_kafka_poll", "rocksdb::DB::Get(rocksdb::ReadOptions const&)", "$snonsense", "$s", ""] {
            #expect(SymbolName.short(name) == name)
        }
        #expect(SymbolName.short(String(repeating: "x", count: 1000)).count == SymbolName.lengthMax)
    }

    @Test func demangledTextsLoseTheirTypesAndKeepTheirPlace() {
        let texts = [
            "closure #1 (A.B) -> Swift.Bool in Jobs.Copy.build(Runtime.Flow) throws -> ()": "closure #1 in Jobs.Copy.build(_:)",
            "generic specialization <Swift.Int, (A) -> B> of function signature specialization <Arg[0] = Dead> of A.run<C where C: D>(_: C, by: Swift.Int) -> C":
                "A.run(_:by:)",
            "closure #1 @Sendable () -> () in A.b(failed: A) -> ()": "closure #1 in A.b(failed:)",
            "reabstraction thunk helper from @escaping @callee_guaranteed (@in_guaranteed A) -> (@out B) to @escaping (A) -> B":
                "reabstraction thunk helper",
            "(1) suspend resume partial function for A.B.go() async throws -> ()": "suspend resume partial function for A.B.go()",
            "A.(Hidden in _0123ABCD).step() -> ()": "A.Hidden.step()",
            "(extension in Foundation):Swift.String.trimmed(with: (Swift.Character) -> Swift.Bool, A) -> Swift.String":
                "Swift.String.trimmed(with:_:)",
            "static Swift.Int.< infix(Swift.Int, Swift.Int) -> Swift.Bool": "static Swift.Int.< infix(_:_:)",
            "protocol witness for A.P.f() -> B in conformance A.S : A.P in A":
                "protocol witness for A.P.f() in conformance A.S in A",
        ]
        for (text, short) in texts { #expect(SymbolName.withoutTypes(text) == short) }
    }
}

@Suite struct PerfScriptTests {
    /// As perf 6.1 printed it, shortened; then a message, a frame that is none, a line that was cut off.
    private static let recorded = """
        weir-worker-0  4711/4720 
        \t    55d0c0ff00aa $s4main3foo2byySi_tF (/opt/weir)
        \t    55d0c0ff0b00 $s4main3fooyyF (/opt/weir)
        \t    7f30aa001000 [unknown] (/usr/lib/x86_64-linux-gnu/libc.so.6)

        weir-worker-0  4711/4720 
        \t    55d0c0ff00ab $s4main3foo2byySi_tF (/opt/weir)
        \t    55d0c0ff0b00 $s4main3fooyyF (/opt/weir)
        \t    7f30aa001000 [unknown] (/usr/lib/x86_64-linux-gnu/libc.so.6)

        rdk:broker 1  4711/4725 
        \tffffffff8100beef [unknown] ([kernel.kallsyms])
        \tnot a frame at all
        \t    7f30aa002000 rd_kafka_poll (inlined) (/usr/lib/librdkafka.so.1)

        Warning:
        \t    7f30aa002000 rd_kafka_poll (/usr/lib/librdkafka.so.1)

        idle  4711/4726 

        weir-worker-1  4711/4721 
        \t    55d0c0ff00aa $s4main3foo2byy
        """

    @Test func samplesAreFoldedAndBrokenLinesCounted() {
        let script = PerfScript(Data(Self.recorded.utf8))
        #expect(script.samples == 5)
        #expect(script.brokenLines == 4)
        let folded = lines(script.stacks)
        #expect(
            folded == [
                "idle 1", "rdk:broker 1 1", "rdk:broker 1;rd_kafka_poll (inlined) 1",
                "rdk:broker 1;rd_kafka_poll (inlined);[kernel.kallsyms] 1", "weir-worker-0 2",
                "weir-worker-0;[libc.so.6] 2", "weir-worker-0;[libc.so.6];main.foo() 2",
                "weir-worker-0;[libc.so.6];main.foo();main.foo(by:) 2", "weir-worker-1 1",
            ])
    }

    @Test func anyBytesAreReadWithoutTrouble() {
        for text in ["", "\n\n\n", " ", "\t\n", "a b c", "x 1/2", "x 1/2\n\t1 (", "\t1 a (b)", "x 1/2\n\t1  ()\n"] {
            let script = PerfScript(Data(text.utf8))
            #expect(script.stacks.weight == script.samples, "\(text)")
        }
        let script = PerfScript(Data([0xff, 0xfe, 0x0a, 0x20, 0xff, 0x0a, 0x00]))
        #expect(script.samples == 0 && script.brokenLines == 3)
    }

    @Test func whatGrowsWithoutEndIsCutAndNoWeightIsLost() {
        var deep = FoldedStacks()
        deep.add((0..<1000).map { "f\($0)" }, weight: 3)
        #expect(deep.frames.count == FoldedStacks.depthMax + 1 && deep.isCut && deep.weight == 3)
        var wide = FoldedStacks()
        for number in 0..<(FoldedStacks.framesMax + 10) { wide.add(["f\(number)"], weight: 1) }
        #expect(wide.frames.count == FoldedStacks.framesMax && wide.isCut)
        #expect(wide.weight == FoldedStacks.framesMax + 10)
        wide.add(["f1"], weight: 0)
        wide.add([String](), weight: -1)
        #expect(wide.weight == FoldedStacks.framesMax + 10)
    }

    private func lines(_ stacks: FoldedStacks) -> [String] {
        var lines: [String] = []
        func add(_ frame: Int, _ callers: [String]) {
            for child in stacks.frames[frame].children {
                let path = callers + [stacks.frames[child].name]
                lines.append("\(path.joined(separator: ";")) \(stacks.frames[child].weight)")
                add(child, path)
            }
        }
        add(0, [])
        return lines.sorted()
    }
}

@Suite struct FlameGraphTests {
    private func graph(_ stacks: [([String], Int)], palette: FlameGraph.Palette = .functions) -> String {
        var folded = FoldedStacks()
        for (stack, weight) in stacks { folded.add(stack, weight: weight) }
        let graph = FlameGraph(title: "a & b", subtitle: "<1>", unit: "samples", palette: palette, stacks: folded)
        return String(decoding: graph.svg(), as: UTF8.self)
    }

    /// The boxes of a document, parsed as XML: what would not parse is an error.
    private final class Boxes: NSObject, XMLParserDelegate {
        var titles: [String] = []
        var rects: [[String: String]] = []
        private var isTitle = false

        init(_ svg: String) throws {
            super.init()
            let parser = XMLParser(data: Data(svg.utf8))
            parser.delegate = self
            guard parser.parse() else { throw parser.parserError ?? CocoaError(.fileReadCorruptFile) }
        }

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            isTitle = name == "title"
            if isTitle { titles.append("") }
            if name == "rect", attributes["y"] != nil { rects.append(attributes) }
        }

        func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
            isTitle = false
        }

        func parser(_ parser: XMLParser, foundCharacters text: String) {
            if isTitle { titles[titles.count - 1] += text }
        }
    }

    @Test func aBoxIsAsWideAsItsShareAndAboveItsCaller() throws {
        let svg = graph([(["main", "left"], 3), (["main", "right<Int>&\"\u{1}"], 1)])
        let boxes = try Boxes(svg)
        #expect(
            boxes.titles == [
                "all (4 samples, 100.0 %)", "main (4 samples, 100.0 %)", "right<Int>&\"? (1 samples, 25.0 %)",
                "left (3 samples, 75.0 %)",
            ])
        #expect(boxes.rects.map { $0["width"] } == ["1180.0", "1180.0", "295.0", "885.0"])
        #expect(boxes.rects.map { $0["x"] } == ["10.0", "10.0", "895.0", "10.0"])
        let rows = boxes.rects.compactMap { $0["y"].flatMap { Int($0) } }
        #expect(rows[0] - rows[1] == 17 && rows[1] - rows[2] == 17 && rows[2] == rows[3])
        #expect(svg.contains("a &amp; b") && svg.contains("&lt;1&gt;"))
        #expect(svg == graph([(["main", "left"], 3), (["main", "right<Int>&\"\u{1}"], 1)]))
    }

    @Test func boxesTooNarrowToSeeAreLeftOutAndNothingIsADocumentToo() throws {
        #expect(try Boxes(graph([(["big"], 100_000), (["small"], 1)])).titles.count == 2)
        #expect(try Boxes(graph([])).titles.isEmpty)
    }

    @Test func timesOfLoadHaveTheirColours() {
        let svg = graph(
            [(["chain", "subtask 0", BusyTime.busy], 5), (["chain", "subtask 0", BusyTime.backPressured], 5)], palette: .load)
        #expect(svg.contains("#e4572e") && svg.contains("#f3a712"))
    }
}

@Suite struct BusyTimeTests {
    @Test func timeBetweenTwoReadingsIsToldBySubtask() throws {
        let earlier = try StoredSnapshots.current { $0["subtasks"] = [StoredSnapshots.subtask(0, busy: 100, backPressured: 10)] }
        let later = try StoredSnapshots.current {
            $0["subtasks"] = [
                StoredSnapshots.subtask(0, busy: 350, backPressured: 10), StoredSnapshots.subtask(1, busy: 40, backPressured: 60),
            ]
        }
        let stacks = BusyTime.stacks(from: earlier, to: later)
        #expect(stacks.weight == 250 + 40 + 60)
        #expect(stacks.frames.map(\.name).contains("numbers → counts"))
        // One that began anew counts from nothing.
        #expect(BusyTime.stacks(from: later, to: earlier).weight == 100 + 10)
    }
}
