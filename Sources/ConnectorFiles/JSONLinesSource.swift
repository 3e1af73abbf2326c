import Foundation
import StreamRuntime
import UntrustedJSON

/// Reads files of one JSON value per line, with Foundation's decoder (about 10 µs a record: use
/// `TextFileSource` with a decoder of your own where that is too slow). Lines of white space are an error
/// like any other line that does not decode.
///
/// Everything else is as for `TextFileSource`.
public struct JSONLinesSource<Element: Decodable & SendableMetatype>: Source {
    private let lines: TextFileSource<Element>

    /// `onUndecodable` makes the element that goes on in place of a line that does not decode; without it
    /// the job fails, naming file and byte.
    public init(
        _ path: String, lineBytesMax: Int = 1 << 20, follows: Bool = false,
        onUndecodable: TextFileSource<Element>.OnUndecodable? = nil
    ) {
        lines = TextFileSource(
            path, lineBytesMax: lineBytesMax, follows: follows,
            onUndecodable: onUndecodable,
            decode: { line in
                try UntrustedJSON.decode(
                    Element.self, from: Data(line.bytes), depthMax: UntrustedJSON.depthMaxOfUsers)
            })
    }

    public func discoverSplits(_ context: SourceContext) throws -> [SourceSplit] { try lines.discoverSplits(context) }

    public func makeReader(_ context: SourceReaderContext) throws -> TextFileReader<Element> {
        try lines.makeReader(context)
    }
}
