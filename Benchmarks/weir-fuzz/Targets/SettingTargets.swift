import ConnectorLog
import Foundation
import Services
import StreamRuntime
import WeirKit

// What users write: configuration files, sizes, durations, ids, faults.
extension FuzzTarget {
    static func settings(_ folder: String) throws -> [FuzzTarget] {
        let table = try ConfigurationTable([
            StandardSettings.parallelism.key, StandardSettings.checkpointInterval.key, StandardSettings.checkpointFolder.key,
            StandardSettings.logLevel.key, StandardSettings.metricsEnabled.key, StandardSettings.jobID.key,
            Setting.list("kafka.topics", help: "A list.").key, Setting.bytes("buffer.bytes", default: 1, help: "A size.").key,
        ])
        let path = "\(folder)/settings.yaml"
        let yaml = FuzzTarget(
            "settings-yaml",
            texts: [
                "parallelism: 4\ncheckpoint:\n  interval: 250ms\n  dir: /tmp/c\nlog.level: debug\n",
                "# settings\nkafka:\n  topics: [a, b]\nbuffer.bytes: 64KiB\nmetrics: {enabled: no}\njob.id: \"0af7651916cd43dd8448eb211c80319c\"\n",
                "---\nkafka.topics:\n  - a\n  - 'b c'\nlog:\n  level: |\n    info\n",
            ],
            words: [
                "&a ", "*a", "<<: ", "[", "{", "- ", ": ", "? ", "!!binary ", "!!set ", "|\n  ", "'", "\"", "\\x00",
                "%YAML 1.2\n---\n",
                "\u{2028}", "~", "...\n", "\t", "#", "1e999ms", "99999999999TiB",
            ]
        ) { text in
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let configuration = try ConfigurationLayers(file: path, environment: [:]).resolve(table)
            for entry in configuration.entries { _ = (entry.shownText, "\(entry.origin)") }
        }
        return [yaml, words]
    }

    private static let words = FuzzTarget(
        "words",
        texts: [
            "0123456789abcdef0123456789abcdef/0/7/00000000000000a1", "orders/3", "1.5GiB", "250ms",
            "2026-01-31T12:00:00.123+01:00",
            "point=manifest-synced,probability=0.25,seed=7,action=delay,millis=40,first=3,limit=2;point=any",
            "log:///var/lib/log",
        ],
        words: [
            "/", ".", "-", "9223372036854775807", "18446744073709551615", "TiB", "d", "Z", "point=", ",", ";", "=", "e400", "nan",
        ]
    ) { text in
        if let id = CheckpointID(text) {
            _ = id.epoch.next
            try requireSame(id, CheckpointID(id.description))
        }
        if let place = LogTopicPartition(text) { try requireSame(place, LogTopicPartition(place.description)) }
        if let bytes = ByteSize.parse(text) { try requireSame(bytes, ByteSize.parse(ByteSize.text(bytes))) }
        if let millis = DurationText.parse(text) { try requireSame(millis, DurationText.parse(DurationText.text(millis))) }
        // From 1600 on: before, calendars differ. Up to 9999: later years have more digits than the form.
        if let millis = RFC3339.millis(text), (-11_676_096_000_000...253_402_300_799_999).contains(millis) {
            try requireSame(millis, RFC3339.millis(RFC3339.text(millis)))
        }
        if let number = Int64(text) { _ = RFC3339.text(number) }
        _ = try? LogStore.folder(of: text)
        _ = Nearest.match(text, among: ["parallelism", "checkpoint.interval"])
        _ = try FaultPlan(parsing: text)
    }
}
