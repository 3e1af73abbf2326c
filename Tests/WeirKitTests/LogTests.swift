import Foundation
import Logging
import StreamRuntime
import Synchronization
import Testing
import TraceContext
import Tracing
import WeirKit

@Suite struct LogTests {
    /// 2026-01-31T23:59:59.007Z
    private static let wallMillis: Int64 = 1_769_903_999_007

    private final class Lines: Sendable {
        private let kept = Mutex<[String]>([])
        var all: [String] { kept.withLock { $0 } }
        func add(_ bytes: [UInt8]) { kept.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
    }

    private func make(isPretty: Bool = false, secrets: [String] = []) -> (Logger, Lines) {
        let lines = Lines()
        let output = LogOutput(isPretty: isPretty, secrets: secrets, wallMillis: { Self.wallMillis }) { lines.add($0) }
        return (output.logger(label: "weir", level: .debug), lines)
    }

    @Test func jsonLine() {
        let (logger, lines) = make()
        logger.info("started", metadata: ["epoch": "3", "a\"b": "line\nbreak\u{1}"])
        #expect(
            lines.all == [
                "{\"ts\":\"2026-01-31T23:59:59.007Z\",\"level\":\"info\",\"logger\":\"weir\",\"message\":\"started\","
                    + "\"fields\":{\"a\\\"b\":\"line\\nbreak\\u0001\",\"epoch\":\"3\"}}\n"
            ])
    }

    @Test func anyTextGivesOneValidJSONLine() throws {
        var random = SeededGenerator(seed: 5)
        let (logger, lines) = make()
        for _ in 0..<500 {
            let scalars = (0..<20).compactMap { _ in UnicodeScalar(UInt32(random.next() % 0x3000)) }
            var text = ""
            text.unicodeScalars.append(contentsOf: scalars)
            logger.warning("\(text)", metadata: ["value": "\(text)"])
        }
        for line in lines.all {
            #expect(line.utf8.filter { $0 == 10 }.count == 1)
            let parsed = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(parsed?["level"] as? String == "warning")
        }
    }

    @Test func prettyLinesCannotBeForged() {
        let (logger, lines) = make(isPretty: true)
        logger.error("a\nb\u{1B}[2J", metadata: ["x": "1\r2"])
        #expect(lines.all.count == 1)
        #expect(lines.all[0].contains("a\\nb\\u{1b}[2J"))
        #expect(lines.all[0].contains("1\\u{d}2"))
        #expect(lines.all[0].contains("23:59:59.007Z"))
    }

    @Test func secretsNeverReachTheLog() {
        let (logger, lines) = make(secrets: ["hunter22", "abc"])
        logger.info("connecting with hunter22", metadata: ["redisPassword": "x", "note": "hunter22!", "apiToken": "y"])
        logger.info("at redis://app:s3cret@127.0.0.1:6379/0 abc")
        let text = lines.all.joined()
        for secret in ["hunter22", "\"x\"", "\"y\"", "s3cret"] { #expect(!text.contains(secret)) }
        #expect(text.contains("redis://app:********@127.0.0.1:6379/0 abc"))
    }

    @Test func theEnginesLogIsBridged() {
        let (logger, lines) = make()
        RuntimeLog(logger).with(["job": "j"])(.warning, "attempt failed", ["delayMillis": "5"])
        #expect(lines.all.count == 1)
        #expect(lines.all[0].contains("\"level\":\"warning\",\"logger\":\"weir\",\"message\":\"attempt failed\""))
        #expect(lines.all[0].contains("\"fields\":{\"delayMillis\":\"5\",\"job\":\"j\"}"))
    }

    @Test func levelsBelowTheChosenAreNotWritten() {
        let (logger, lines) = make()
        logger.trace("no")
        logger.debug("yes")
        #expect(lines.all.count == 1)
    }

    @Test func theLongestLabelThatFitsDecidesAndCanBeChangedWhileLoggersLive() throws {
        let levels = LogLevels()
        let lines = Lines()
        let output = LogOutput(isPretty: false, secrets: [], wallMillis: { Self.wallMillis }) { lines.add($0) }
        let loggers = ["weir", "weir.http", "weir.http.access", "weirs"].map { output.logger(label: $0, levels: levels) }
        var quiet = output.logger(label: "weir.http", levels: levels)
        quiet.logLevel = .error
        func written() -> [Bool] { (loggers + [quiet]).map { $0.logLevel <= .debug } }
        #expect(written() == [false, false, false, false, false])
        try levels.change(["weir": "debug"])
        #expect(written() == [true, true, true, false, false])
        try levels.change(["weir.http": "warning"])
        #expect(written() == [true, false, false, false, false])
        try levels.change(["weir": "default", "default": "trace"])
        #expect(written() == [true, false, false, true, false])
        #expect(levels.reading == LogLevels.Reading(default: "trace", levels: ["weir.http": "warning"]))
        loggers[0].debug("yes")
        loggers[2].info("no")
        #expect(lines.all.count == 1)
    }

    @Test func levelsThatAreNoneAreRefusedAllTogether() {
        let levels = LogLevels()
        #expect(throws: UsageError.self) { try levels.change(["a": "debug", "b": "loud"]) }
        #expect(throws: UsageError.self) { try levels.change(["default": "default"]) }
        #expect(throws: UsageError.self) {
            try levels.change(Dictionary(uniqueKeysWithValues: (0..<1000).map { ("label\($0)", "info") }))
        }
        #expect(levels.reading == LogLevels.Reading(default: "info", levels: [:]))
        for text in ["weir", "=info", "weir=", "weir=loud"] {
            #expect(throws: UsageError.self, "\(text)") { try LogLevels.parse([text]) }
        }
        #expect(throws: UsageError.self) { try LogLevels.parse(["a=info", "a=debug"]) }
    }

    @Test func linesInsideASpanNameItsTrace() {
        let lines = Lines()
        let output = LogOutput(isPretty: false, secrets: [], wallMillis: { Self.wallMillis }) { lines.add($0) }
        let logger = output.logger(label: "weir", levels: LogLevels(), metadata: LogBootstrap.traces)
        logger.info("outside")
        var context = ServiceContext.topLevel
        context.spanContext = SpanContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        ServiceContext.withValue(context) { logger.info("inside") }
        #expect(!lines.all[0].contains("traceId"))
        #expect(lines.all[1].contains(#""fields":{"traceId":"0af7651916cd43dd8448eb211c80319c"}"#), "\(lines.all)")
    }
}
