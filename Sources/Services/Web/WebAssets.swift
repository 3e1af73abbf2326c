import CWebPage
import Crypto
import Foundation
import HTTPServing
import NIOCore
import StreamRuntime

/// A file of the web page, as the gateway serves it.
package struct WebAsset: Sendable {
    /// From the root: `/js/app.js`.
    package let path: String
    package let contentType: String
    package let bytes: ByteBuffer
    /// Quoted, made from the bytes: a browser that has them asks whether they changed, and they did not.
    package let etag: String

    package init(path: String, contentType: String, bytes: ByteBuffer, etag: String) {
        self.path = path
        self.contentType = contentType
        self.bytes = bytes
        self.etag = etag
    }
}

/// The web page of the trading system: the files of `Sources/CWebPage`, compiled into the binary.
package enum WebAssets {
    /// In the order of `embed.c`; copied and hashed once.
    package static let all: [WebAsset] = UnsafeBufferPointer(start: web_page_files(), count: web_page_files_count)
        .map { file in
            let bytes = UnsafeRawBufferPointer(start: file.bytes, count: file.count)
            let path = String(cString: file.path)
            let digest = hexDigits(of: SHA256.hash(data: bytes).prefix(12))
            return WebAsset(
                path: path, contentType: FileType.contentType(path), bytes: ByteBuffer(bytes: bytes), etag: "\"\(digest)\"")
        }

    /// The file at an exact path; `/` is the page itself. Nil for every other path, however it is written.
    package static func asset(at path: String) -> WebAsset? { byPath[path == "/" ? "/index.html" : path] }

    /// What the page needs and nothing more: everything from its own origin, no inline script or style, no markup
    /// made from text, no framing.
    package static let contentSecurityPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'
        """

    private static let byPath = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0) })
}
