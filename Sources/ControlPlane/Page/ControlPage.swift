import CControlPage
import Foundation
import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore

/// The page about jobs: the files of `Sources/CControlPage`, compiled into the binary. They hold nothing: what there is to
/// know, the page asks the API for.
package enum ControlPage {
    package struct File: Sendable {
        package let path: String
        package let contentType: String
        package let bytes: Data
    }

    package static let files: [File] = UnsafeBufferPointer(start: control_page_files(), count: control_page_files_count)
        .map { file in
            let path = String(cString: file.path)
            return File(path: path, contentType: FileType.contentType(path), bytes: Data(bytes: file.bytes, count: file.count))
        }

    /// Everything from its own origin, no inline script or style, no framing.
    package static let contentSecurityPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'
        """

    static let paths: Set<String> = Set(files.map(\.path)).union(["/"])

    static func add(to router: Router<BasicRequestContext>) {
        for file in files {
            let answer: @Sendable (Request, BasicRequestContext) -> Response = { _, _ in
                Answer.data(file.bytes, file.contentType, headers: headers)
            }
            router.get(RouterPath(file.path), use: answer)
            if file.path == "/index.html" { router.get("/", use: answer) }
        }
    }

    private static let headers: HTTPFields = {
        var fields = HTTPFields()
        fields[.contentSecurityPolicy] = contentSecurityPolicy
        if let name = HTTPField.Name("Referrer-Policy") { fields[name] = "no-referrer" }
        return fields
    }()
}
