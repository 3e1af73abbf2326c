import Foundation
import StreamRuntime

/// Inputs in files, a folder for each target. Those that have found something stay there for ever.
enum FuzzCorpus {
    /// In the order of their names.
    static func inputs(of target: String, in corpus: String) -> [[UInt8]] {
        let folder = "\(corpus)/\(target)"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { FileManager.default.contents(atPath: "\(folder)/\($0)").map(Array.init) }
    }

    static func name(of bytes: [UInt8]) -> String { bytes.withUnsafeBytes { hexDigits(XXH64.hash($0)) } }
}
