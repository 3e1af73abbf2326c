import ConnectorFiles
import StreamRuntime
import WeirKit

/// Counts the words of a text, and prints every count as it grows.
/// docs/operators.md
///
///     weir run word-count
///     weir run word-count --set word-count.file=README.md
public struct WordCount: ConfiguredJob {
    public static let name = "word-count"
    public static let summary = "Counts the words of a text file (of a few built-in lines, when none is named)."
    static let file = Setting.optionalString("word-count.file", help: "The text to read; a file, a folder or a pattern.")
    public static let configurationKeys = [file.key]

    static let builtInLines = [
        "a weir is a barrier across a stream", "the stream goes on over the weir", "what is behind the weir is counted",
    ]

    private let path: String?

    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) {
        path = configuration[Self.file]
    }

    public func build(_ flow: Flow) {
        if let path {
            count(flow.source(TextFileSource(lines: path), id: "lines"))
        } else {
            count(flow.source(CollectionSource(Self.builtInLines), id: "lines").parallelism(1))
        }
    }

    private func count(_ lines: Stream<some Chain<String>>) {
        lines
            .flatMap { $0.lowercased().split { !$0.isLetter }.map(String.init) }.id("words")
            .keyed(by: { $0 })
            .fold(0) { count, _ in count += 1 }.id("counts")
            .map { "\($0.key) \($0.value)" }
            .sink(PrintSink())
    }
}
