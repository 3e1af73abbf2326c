import Drills
import Foundation
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct DrillReportTests {
    private func report(_ change: (inout DrillFindings) -> Void = { _ in }, failures: [String] = []) -> DrillReport {
        var timeline = DrillTimeline()
        timeline.observe(outputs: 100, atMillis: 900)
        timeline.end(timeline.begin(.kill, atMillis: 1_000), atMillis: 1_001)
        timeline.observe(outputs: 200, atMillis: 1_234)
        timeline.end(timeline.begin(.standstill, atMillis: 2_000), atMillis: 3_500)
        timeline.observe(outputs: 300, atMillis: 3_600)
        var findings = DrillFindings(inputs: 300, outputs: 300)
        change(&findings)
        return DrillReport(
            job: "counts", setup: ["<5 keys> & more | less"], seed: 42, startedAt: Date(timeIntervalSince1970: 0),
            durationMillis: 4_000, version: "1.2.3", timeline: timeline, findings: findings,
            resources: (0..<4).map {
                ResourceReading(atMillis: $0 * 1_000, life: $0 / 2, ageMillis: 0, residentBytes: 50 << 20, openFiles: 20)
            }, endedByItself: 0, failures: failures)
    }

    @Test func aReportSaysVerdictTroublesRecoveryAndSeed() {
        let text = report().text
        for part in ["drill of counts: PASSED", "1 kill, 1 stop-cont", "p50 234 ms", "nothing lost", "42"] {
            #expect(text.contains(part), "\(part) is missing in \(text)")
        }
        let failed = report(
            {
                $0.lost = 3; $0.note("number 17 is gone")
            }, failures: ["3 lost"]
        ).text
        for part in ["FAILED", "3 lost", "number 17 is gone"] { #expect(failed.contains(part)) }
    }

    @Test func theHTMLPageNeedsNothingElseAndIsWellFormed() throws {
        let html = report().html
        #expect(html.contains("<svg") && html.contains("&lt;5 keys&gt; &amp; more | less"))
        for outside in ["http://", "https://", "src=", "<script", "@import"] {
            #expect(!html.contains(outside), "\(outside) asks for something from outside")
        }
        // Well-formed as XML but for what HTML lets stand alone.
        let page = html.replacing("<!DOCTYPE html>\n", with: "").replacing(#/<meta [^>]*>/#, with: "")
        let parser = XMLParser(data: Data(page.utf8))
        #expect(parser.parse(), "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "")")
    }

    @Test func theChartHasALineForEachTrouble() {
        let html = report().html
        #expect(html.contains("<title>kill at 1.0 s, first output after 234 ms</title>"))
        #expect(html.contains("<title>stop-cont at 2.0 s, first output after 100 ms</title>"))
    }

    @Test func markdownKeepsItsTablesWhateverStandsInThem() {
        let markdown = report().markdown
        #expect(markdown.contains("| setup | &lt;5 keys> & more \\| less |"))
        #expect(markdown.contains("| kill | 1 | 1 | 234 | 234 | 234 |"))
    }

    @Test func whatIsWrittenAsJSONIsRead() throws {
        let data = try JSONEncoder().encode(report())
        let read = try JSONDecoder().decode(DrillReport.self, from: data)
        #expect(read.recovery == report().recovery)
        #expect(read.findings == report().findings)
        #expect(read.isPassed)
    }
}
