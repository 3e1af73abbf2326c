extension DrillReport {
    /// One page that needs nothing else: style and charts are in it.
    public var html: String {
        let title = "Drill of \(HTMLText.escaped(job))"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title): \(verdict)</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <h1>\(title) <span class="\(isPassed ? "passed" : "failed")">\(verdict)</span></h1>
            \(failuresHTML)
            <table class="facts">\(facts.map { "<tr><th>\(HTMLText.escaped($0.name))</th><td>\(HTMLText.escaped($0.value))</td></tr>" }.joined())</table>
            <h2>Timeline</h2>
            \(ThroughputChart(self).svg)
            \(ResourceChart(self).svg)
            <h2>Recovery</h2>
            <p>From a kill to the first new output; for the other troubles, from their end.</p>
            \(recoveryHTML)
            <h2>Troubles</h2>
            \(troublesHTML)
            \(detailsHTML)
            </body>
            </html>

            """
    }

    private var failuresHTML: String {
        isPassed ? "" : "<ul class=\"failed\">\(failures.map { "<li>\(HTMLText.escaped($0))</li>" }.joined())</ul>"
    }

    private var recoveryHTML: String {
        let rows = recovery.map { times in
            let cells = [times.p50Millis, times.p99Millis, times.maxMillis].map { $0.map { "\($0) ms" } ?? "–" }
            return "<tr><td>\(times.kind.rawValue)</td><td>\(times.troubles)</td><td>\(times.measured)</td>"
                + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
        }
        return "<table><tr><th>trouble</th><th>times</th><th>measured</th><th>p50</th><th>p99</th><th>longest</th></tr>"
            + rows.joined() + "</table>"
    }

    private var troublesHTML: String {
        let rows = troubles.prefix(Self.marksMax).map { mark in
            let kind = HTMLText.escaped(mark.kind.rawValue + (mark.note.map { " (\($0))" } ?? ""))
            let lasted = mark.endedMillis.map { "\($0 - mark.beganMillis) ms" } ?? ""
            let recovery = mark.recoveryMillis.map { "\($0) ms" } ?? "–"
            return "<tr><td>\(Units.seconds(mark.beganMillis))</td><td>\(kind)</td><td>\(lasted)</td><td>\(recovery)</td></tr>"
        }
        let more = troubles.count - Self.marksMax
        return "<table><tr><th>at</th><th>trouble</th><th>lasted</th><th>recovery</th></tr>" + rows.joined() + "</table>"
            + (more > 0 ? "<p>\(more) more are in the JSON output.</p>" : "")
    }

    private var detailsHTML: String {
        guard !findings.details.isEmpty else { return "" }
        return "<h2>Findings</h2><ul>\(findings.details.map { "<li>\(HTMLText.escaped($0))</li>" }.joined())</ul>"
    }

    private static let style = """
        body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1b1f24; }
        h1 span { font-size: .7em; padding: .15em .5em; border-radius: .3em; color: #fff; vertical-align: middle; }
        h1 .passed { background: #1a7f37; } h1 .failed { background: #b42318; } ul.failed { color: #b42318; font-weight: 600; }
        table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
        th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #e3e6ea; font-variant-numeric: tabular-nums; }
        .facts th { font-weight: 500; color: #57606a; }
        svg { width: 100%; height: auto; display: block; margin-bottom: 1rem; } svg text { font: 11px system-ui, sans-serif; fill: #57606a; }
        """
}

enum HTMLText {
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
            "\"", with: "&quot;")
    }
}
