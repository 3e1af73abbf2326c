import WeirKit

/// The settings of the counting drill.
enum DrillSettings {
    static let rate = Setting.integer(
        "drill.rate", default: 5_000, in: 1...10_000_000, help: "Counting drill: numbers a second.")
    static let keyCount = Setting.integer(
        "drill.keys", default: 1_000, in: 1...100_000_000, help: "Counting drill: keys; each has state of its own.")
    static let stateBytes = Setting.bytes(
        "drill.state-bytes", default: 100, in: 0...(1 << 20), help: "Counting drill: state of each key.")

    static let keys: [ConfigurationKey] = [rate.key, keyCount.key, stateBytes.key]
}
