import ConnectorFiles
import Foundation
import StreamRuntime
import TestKit
import Testing

extension TemporaryFolder {
    func append(_ name: String, _ text: String) throws {
        let handle = try #require(FileHandle(forWritingAtPath: path + "/" + name))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
    }
}

struct Gather<Element>: Collector {
    var elements: [Element] = []
    mutating func collect(_ element: Element) throws { elements.append(element) }
    mutating func handle(_ signal: ChainSignal) throws {}
}

private let context = SourceContext(
    operatorID: "in", job: JobID(namespace: "test", jobName: "files"), jobName: "files", log: .silent,
    isCancelled: { false })

private func readerContext(_ splits: [SplitPosition]) -> SourceReaderContext {
    SourceReaderContext(
        source: context, subtask: 0, parallelism: 1, assignments: splits, backPressure: BackPressure(), wake: {},
        metrics: MetricRegistry(), clock: SystemClock())
}

private func readAll<S: Source>(_ source: S, budget: Int = 7) throws -> [S.Element] {
    let splits = try source.discoverSplits(context).map { SplitPosition(split: $0.id, next: $0.start) }
    var reader = try source.makeReader(readerContext(splits))
    var output = Gather<S.Element>()
    while try reader.poll(into: &output, budget: budget) == .progressed {}
    #expect(try reader.poll(into: &output, budget: budget) == .finished)
    return output.elements
}

private struct Reading: StreamJob {
    static let name = "reading"
    let source: TextFileSource<Int64>
    func build(_ flow: Flow) { flow.source(source).sink(CollectSink<Int64>()) }
}

@Suite struct TextFileSourceTests {
    @Test(
        arguments: [
            ("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\r\nb\r\n", ["a", "b"]), ("a\n\nb", ["a", "", "b"]), ("\n", [""]),
            ("\r\n", [""]), ("a\rb\n", ["a\rb"]), ("a\nb\r", ["a", "b"]), ("ü€😀\nz", ["ü€😀", "z"]),
        ] as [(String, [String])])
    func linesAreCut(text: String, lines: [String]) throws {
        let folder = TemporaryFolder()
        #expect(try readAll(TextFileSource(lines: try folder.write("f", text))) == lines)
    }

    @Test func longFilesAreReadInChunks() throws {
        let folder = TemporaryFolder()
        var random = SystemRandomNumberGenerator()
        let lines = (0..<5_000).map { "\($0)" + String(repeating: "x", count: Int.random(in: 0...400, using: &random)) }
        let big = String(repeating: "y", count: 700_000)
        let all = lines + [big] + lines
        let file = try folder.write("f", all.joined(separator: "\n"))
        #expect(try readAll(TextFileSource(lines: file), budget: 333) == all)
    }

    @Test func readingGoesOnFromEveryPosition() throws {
        let folder = TemporaryFolder()
        let source = TextFileSource(lines: try folder.write("f", "one\r\ntwo\n\nthree"))
        let split = try #require(try source.discoverSplits(context).first)
        var positions = [SplitPosition(split: split.id, next: 0)]
        var lines: [String] = []
        while true {
            // A new reader for every line: a restart at each position.
            var reader = try source.makeReader(readerContext(positions))
            var output = Gather<String>()
            let status = try reader.poll(into: &output, budget: 1)
            positions = reader.positions()
            lines += output.elements
            if status == .finished { break }
        }
        #expect(lines == ["one", "two", "", "three"])
        #expect(positions.map(\.next) == [15])
    }

    @Test func folderAndPatternAreExpanded() throws {
        let folder = TemporaryFolder()
        try folder.write("b.txt", "2")
        try folder.write("a.txt", "1")
        try folder.write("c.log", "3")
        try folder.write(".hidden", "x")
        try FileManager.default.createDirectory(atPath: folder.path + "/sub", withIntermediateDirectories: true)
        #expect(try readAll(TextFileSource(lines: folder.path)) == ["1", "2", "3"])
        #expect(try readAll(TextFileSource(lines: folder.path + "/*.txt")) == ["1", "2"])
        #expect(throws: FileSourceError.self) {
            try TextFileSource(lines: folder.path + "/*.csv").discoverSplits(context)
        }
        #expect(throws: FileSourceError.self) { try TextFileSource(lines: folder.path + "/sub").discoverSplits(context) }
    }

    @Test func fileShorterThanThePositionIsRefused() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("f", "one\ntwo\n")
        let source = TextFileSource(lines: file)
        let error = #expect(throws: FileSourceError.self) {
            try source.makeReader(readerContext([SplitPosition(split: file, next: 9)]))
        }
        #expect(error?.byte == 8)
        #expect(error?.description.contains("truncated") == true)
        // And while it is being read.
        let following = TextFileSource(lines: file, follows: true)
        var reader = try following.makeReader(readerContext([SplitPosition(split: file, next: 8)]))
        var output = Gather<String>()
        #expect(try reader.poll(into: &output, budget: 1) == .idle(recheckAfterMicros: 100_000))
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.truncate(atOffset: 3)
        #expect(throws: FileSourceError.self) { try reader.poll(into: &output, budget: 1) }
    }

    /// A job that restarts finds them missing, or unreadable, again and again.
    @Test func whatNoRestartCanOpenEndsTheJob() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("f", "one\n")
        let source = TextFileSource(lines: file)
        for split in [folder.path + "/gone", file + "/below"] {
            let error = #expect(throws: FileSourceError.self) {
                try source.makeReader(readerContext([SplitPosition(split: split, next: 0)]))
            }
            #expect(error?.file == split && error?.problem.contains("no such file") == true)
        }
        let error = #expect(throws: FileSourceError.self) {
            try TextFileSource(lines: folder.path + "/gone").discoverSplits(context)
        }
        #expect((error as (any Error)?) is any UnrestartableError)
    }

    /// A link that leads to itself; and, for those whom permissions stop at all, a folder without any.
    @Test func whatNoRestartCanListEndsTheJob() throws {
        let folder = TemporaryFolder()
        let (loop, closed) = (folder.path + "/loop", folder.path + "/closed")
        try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
        var paths = [loop + "/*"]
        if geteuid() != 0 {
            mkdir(closed, 0)
            paths += [closed, closed + "/*"]
        }
        defer { chmod(closed, 0o700) }
        for path in paths {
            let error = #expect(throws: FileSourceError.self) { try TextFileSource(lines: path).discoverSplits(context) }
            #expect(error?.file == path && error?.problem.contains("cannot be read") == true)
        }
        let error = #expect(throws: FileSourceError.self) {
            try TextFileSource(lines: loop).makeReader(readerContext([SplitPosition(split: loop, next: 0)]))
        }
        #expect(error?.file == loop && error?.problem.contains("cannot be read") == true)
    }

    /// Records that do not decode, and a file that went away: one attempt, not one after the other.
    @Test(arguments: ["there", "gone"]) func aJobThatNoRestartMendsFailsAtOnce(_ name: String) async throws {
        struct Unreadable: Error {}
        let folder = TemporaryFolder()
        try folder.write("there", "one\n")
        let source = TextFileSource<Int64>("\(folder.path)/\(name)", decode: { _ in throw Unreadable() })
        var options = JobOptions()
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.restart = .fixedDelay(attempts: 3, delayMillis: 1)
        let metrics = MetricRegistry()
        let runner = try JobRunner(Reading(source: source), options: options, environment: JobEnvironment(metrics: metrics))
        let failure = await #expect(throws: JobFailure.self) { try await runner.run() }
        #expect(failure?.cause is any UnrestartableError)
        #expect(metrics.value("weir_job_restarts_total") ?? 0 == 0)
    }

    @Test func lineBeyondTheLimitIsRefused() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("f", "ok\n" + String(repeating: "x", count: 600_000))
        let error = #expect(throws: FileSourceError.self) {
            try readAll(TextFileSource(lines: file, lineBytesMax: 1_000))
        }
        #expect(error?.byte == 3)
    }

    @Test func followedFileGivesALineOnceItsEndIsWritten() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("f", "one\ntw")
        let source = TextFileSource(lines: file, follows: true)
        var reader = try source.makeReader(readerContext([SplitPosition(split: file, next: 0)]))
        var output = Gather<String>()
        #expect(try reader.poll(into: &output, budget: 9) == .progressed)
        #expect(try reader.poll(into: &output, budget: 9) == .idle(recheckAfterMicros: 100_000))
        #expect(reader.positions().map(\.next) == [4])
        try folder.append("f", "o\nthree\n")
        #expect(try reader.poll(into: &output, budget: 9) == .progressed)
        #expect(output.elements == ["one", "two", "three"])
    }
}

@Suite struct JSONLinesSourceTests {
    struct Item: Decodable, Equatable { var n: Int }

    @Test func valuesAreDecoded() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("f", "{\"n\":1}\n{\"n\":2}\r\n")
        #expect(try readAll(JSONLinesSource<Item>(file)) == [Item(n: 1), Item(n: 2)])
    }

    @Test func undecodableLineIsNamedOrMapped() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("f", "{\"n\":1}\nnonsense\n{\"n\":3}")
        let error = #expect(throws: UndecodableLine.self) { try readAll(JSONLinesSource<Item>(file)) }
        #expect(error?.byte == 8)
        let lenient = JSONLinesSource<Item>(file) { line, _ in Item(n: -Int(line.byte)) }
        #expect(try readAll(lenient) == [Item(n: 1), Item(n: -8), Item(n: 3)])
    }

    /// Foundation's parser would end the process.
    @Test func aLineThatIsNestedTooDeepIsUndecodableToo() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("f", "{\"n\":1}\n{\"n\":" + String(repeating: "[", count: 512) + "\n{\"n\":3}")
        let lenient = JSONLinesSource<Item>(file) { line, _ in Item(n: -Int(line.byte)) }
        #expect(try readAll(lenient) == [Item(n: 1), Item(n: -8), Item(n: 3)])
    }
}
