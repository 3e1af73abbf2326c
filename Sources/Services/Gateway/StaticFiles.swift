import HTTPTypes
import Hummingbird
import NIOCore

/// Serves the web page: a route for each file, so that no path is ever looked up anywhere. Browsers keep the files and
/// ask whether they changed.
package struct StaticFiles: Sendable {
    private let files: [WebAsset]

    package init(_ files: [WebAsset] = WebAssets.all) { self.files = files }

    func add(to router: ServiceRouter) {
        for file in files {
            var paths = [file.path]
            if file.path == "/index.html" { paths.append("/") }
            for path in paths {
                router.on(Route(.get, path)) { request, _ in answer(request, file) }
            }
        }
    }

    private func answer(_ request: Request, _ file: WebAsset) -> Response {
        var headers: HTTPFields = [.contentType: file.contentType, .eTag: file.etag, .cacheControl: "no-cache"]
        headers[.contentSecurityPolicy] = WebAssets.contentSecurityPolicy
        headers[.referrerPolicy] = "no-referrer"
        let known = (request.headers[.ifNoneMatch] ?? "").split(separator: ",").map { $0.drop { $0 == " " } }
        if known.contains(where: { $0 == file.etag || $0 == "W/\(file.etag)" || $0 == "*" }) {
            return Response(status: .notModified, headers: headers)
        }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: file.bytes))
    }
}
