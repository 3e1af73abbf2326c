/// Where a chart draws: time from left to right, a value from bottom to top. Units are SVG's.
private struct Plot {
    let durationMillis: Int
    let most: Double
    let height: Double
    static let width = 960.0
    static let left = 64.0
    static let top = 26.0

    var bottom: Double { Self.top + height }

    func x(_ millis: Double) -> Double {
        Self.left + min(1, millis / Double(max(1, durationMillis))) * (Self.width - Self.left - 8)
    }

    func y(_ value: Double) -> Double { bottom - (most > 0 ? value / most : 0) * height }

    static func number(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    func points(_ values: [(millis: Double, value: Double)]) -> String {
        values.map { "\(Self.number(x($0.millis))),\(Self.number(y($0.value)))" }.joined(separator: " ")
    }

    /// Axes with `label` at the top of the value axis, and the times below.
    func frame(_ label: String, _ content: String) -> String {
        let ticks = (0...4).map { index -> String in
            let millis = durationMillis * index / 4
            return
                "<text x=\"\(Self.number(x(Double(millis))))\" y=\"\(Self.number(bottom + 16))\" text-anchor=\"\(index == 4 ? "end" : "middle")\">\(Units.seconds(millis))</text>"
        }.joined()
        return """
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(bottom) + 24)" role="img" aria-label="\(HTMLText.escaped(label))">
            <line x1="\(Self.left)" y1="\(bottom)" x2="\(Self.width - 8)" y2="\(bottom)" stroke="#8c959f"/>
            <text x="4" y="16">\(HTMLText.escaped(label))</text>
            \(content)\(ticks)
            </svg>
            """
    }
}

extension Trouble.Kind {
    var color: String {
        switch self {
        case .kill: "#b42318"
        case .standstill: "#9a6700"
        case .fullDisk: "#8250df"
        case .restart: "#57606a"
        case .brokerRestart: "#0969da"
        case .injected: "#bf3989"
        }
    }
}

/// Outputs a second over time, with a line for each trouble.
struct ThroughputChart {
    private let report: DrillReport

    init(_ report: DrillReport) { self.report = report }

    var svg: String {
        let columns = DrillReport.columns(report.throughput, count: 900)
        let columnBuckets = max(1, (report.throughput.count + 899) / 900)
        let columnMillis = Double(columnBuckets * report.bucketMillis)
        let rates = columns.map { $0 * 1000 / Double(report.bucketMillis) }
        let plot = Plot(durationMillis: report.durationMillis, most: rates.max() ?? 0, height: 190)
        let curve = rates.enumerated().flatMap { index, rate -> [(millis: Double, value: Double)] in
            [(Double(index) * columnMillis, rate), (Double(index + 1) * columnMillis, rate)]
        }
        let area = [(millis: 0.0, value: 0.0)] + curve + [(millis: Double(rates.count) * columnMillis, value: 0.0)]
        return plot.frame(
            "\(Int(plot.most))/s",
            "<polygon points=\"\(plot.points(area))\" fill=\"#54aeff\" fill-opacity=\".45\" stroke=\"#0969da\" stroke-width=\".8\"/>"
                + marks(plot) + legend)
    }

    private func marks(_ plot: Plot) -> String {
        report.troubles.map { mark in
            let x = Plot.number(plot.x(Double(mark.beganMillis)))
            let width = plot.x(Double(mark.endedMillis ?? mark.beganMillis)) - plot.x(Double(mark.beganMillis))
            let recovery = mark.recoveryMillis.map { ", first output after \($0) ms" } ?? ""
            let band =
                width > 1
                ? "<rect x=\"\(x)\" y=\"\(Plot.top)\" width=\"\(Plot.number(width))\" height=\"\(plot.height)\" fill=\"\(mark.kind.color)\" fill-opacity=\".15\"/>"
                : ""
            return band
                + "<line x1=\"\(x)\" y1=\"\(Plot.top)\" x2=\"\(x)\" y2=\"\(plot.bottom)\" stroke=\"\(mark.kind.color)\" stroke-width=\"1.2\">"
                + "<title>\(mark.kind.rawValue) at \(Units.seconds(mark.beganMillis))\(recovery)</title></line>"
        }.joined()
    }

    private var legend: String {
        report.recovery.enumerated().map { index, times in
            let x = Plot.left + 60 + Double(index) * 140
            return "<rect x=\"\(x)\" y=\"6\" width=\"3\" height=\"12\" fill=\"\(times.kind.color)\"/>"
                + "<text x=\"\(x + 8)\" y=\"16\">\(times.kind.rawValue) (\(times.troubles))</text>"
        }.joined()
    }
}

/// Memory and open files over time; a line for each life of the process.
struct ResourceChart {
    private let report: DrillReport

    init(_ report: DrillReport) { self.report = report }

    var svg: String {
        guard report.resources.count > 1 else { return "" }
        return chart("MiB in memory", "#1a7f37") { Double($0.residentBytes) / 1_048_576 }
            + chart("open files", "#9a6700") { Double($0.openFiles) }
    }

    private func chart(_ label: String, _ color: String, _ value: (ResourceReading) -> Double) -> String {
        let most = report.resources.map(value).max() ?? 0
        let plot = Plot(durationMillis: report.durationMillis, most: most, height: 70)
        let lives = Dictionary(grouping: report.resources, by: \.life).sorted { $0.key < $1.key }.map { life in
            let points = plot.points(life.value.map { (Double($0.atMillis), value($0)) })
            return "<polyline points=\"\(points)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.4\"/>"
        }
        return plot.frame("\(Int(most.rounded())) \(label)", lives.joined())
    }
}
