import Drills
import Foundation
import TestKit
import Testing

/// The `weir` executable as a process of its own, to be stopped or killed.
typealias WeirProcess = ChildProcess

extension ChildProcess {
    /// Standard output and error go to `log`, appended.
    convenience init(_ arguments: [String], log: String, product: String = "weir") throws {
        try self.init(try BuiltExecutable.path(product), arguments, log: log)
    }
}

struct DrillFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// How much a drill does: short in `make test`, as promised in the README in `make test-full`.
enum DrillSize {
    static var isFull: Bool { ProcessInfo.processInfo.environment["WEIR_TEST_DRILLS"] == "full" }
    static func pick(_ short: Int, _ full: Int) -> Int { isFull ? full : short }
    /// Of what a drill chooses at random; printed when it fails, and given to repeat it.
    static let seed =
        ProcessInfo.processInfo.environment["WEIR_TEST_SEED"].flatMap { UInt64($0) } ?? .random(in: 1...UInt64(Int64.max))
}

/// A folder for what a drill keeps, removed with it.
///
/// `WEIR_TEST_KEEP=1` keeps it, with what the processes said.
final class DrillFolder {
    let path = NSTemporaryDirectory() + "weir-drill-" + UUID().uuidString
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit {
        if ProcessInfo.processInfo.environment["WEIR_TEST_KEEP"] == nil {
            try? FileManager.default.removeItem(atPath: path)
        } else {
            print("kept: \(path)")
        }
    }
}

/// All drills, one at a time: each wants the machine to itself.
@Suite(.serialized) struct AllDrills {}
