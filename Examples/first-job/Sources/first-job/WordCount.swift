import ConnectorFiles
import StreamRuntime
import WeirKit

/// Counts the words of a text, and prints every count as it grows.
struct WordCount: ConfiguredJob {
    static let name = "word-count"
    static let summary = "Counts the words of a text file."
    static let file = Setting.string("word-count.file", default: "words.txt", help: "The text to read.")
    static let configurationKeys = [file.key]

    let path: String

    init(_ configuration: Configuration, _ environment: ApplicationEnvironment) {
        path = configuration[Self.file]
    }

    func build(_ flow: Flow) {
        flow.source(TextFileSource(lines: path), id: "lines")
            .flatMap { $0.lowercased().split { !$0.isLetter }.map(String.init) }.id("words")
            .keyed(by: { $0 })
            .fold(0) { count, _ in count += 1 }.id("counts")
            .map { "\($0.key) \($0.value)" }
            .sink(PrintSink())
    }
}

@main struct App: WeirApplication {
    static let jobs: [any ConfiguredJob.Type] = [WordCount.self]
}
