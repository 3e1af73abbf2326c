import Foundation
import NIOCore
import Services
import Testing

/// The page's files as they lie in the binary, against the folder they come from.
@Suite struct WebAssetTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources/CWebPage")

    /// Paths from the root of the page, of everything that is meant for a browser.
    private static func filesOfTheFolder() throws -> [String] {
        let all = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return all.filter { ["html", "css", "js", "svg"].contains(URL(fileURLWithPath: $0).pathExtension) }.map { "/" + $0 }
    }

    private static func text(_ asset: WebAsset) -> String { String(buffer: asset.bytes) }

    @Test func everyFileOfTheFolderIsCompiledInAsItIs() throws {
        #expect(try Self.filesOfTheFolder().sorted() == WebAssets.all.map(\.path).sorted())
        for asset in WebAssets.all {
            let file = try Data(contentsOf: Self.folder.appendingPathComponent(asset.path))
            #expect(Data(asset.bytes.readableBytesView) == file, "\(asset.path) is not what the folder holds")
        }
    }

    @Test func everythingThePageAsksForIsThere() throws {
        let references = #/(?:href|src)="(?<root>\/[^"]+)"|from "(?<relative>\.[^"]+)"/#
        for asset in WebAssets.all {
            for match in Self.text(asset).matches(of: references) {
                let reference = try #require(match.root ?? match.relative)
                let path = URL(string: String(reference), relativeTo: URL(string: "http://page\(asset.path)"))?.path
                #expect(
                    path.flatMap(WebAssets.asset(at:)) != nil, "\(asset.path) asks for \(reference), which is not compiled in")
            }
        }
    }

    @Test func everyModuleIsAskedForBySomething() throws {
        let texts = WebAssets.all.map(Self.text).joined()
        for asset in WebAssets.all where asset.path != "/index.html" {
            let name = try #require(asset.path.split(separator: "/").last)
            #expect(texts.contains("/\(name)\""), "nothing asks for \(asset.path)")
        }
    }

    @Test func thePageHoldsNothingItsPolicyForbids() throws {
        let page = Self.text(try #require(WebAssets.asset(at: "/")))
        #expect(!page.contains("style="))
        #expect(!page.contains("<style"))
        #expect(page.firstMatch(of: #/\son[a-z]+=/#) == nil)
        #expect(page.firstMatch(of: #/<script(?![^>]*\ssrc=)/#) == nil)
        for asset in WebAssets.all {
            let text = Self.text(asset).replacing("http://www.w3.org/2000/svg", with: "")
            #expect(text.firstMatch(of: #/https?:\/\/[a-z]/#) == nil, "\(asset.path) names another server")
            #expect(text.firstMatch(of: #/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/#) == nil)
        }
    }

    @Test func pathsAreTakenLiterally() {
        #expect(WebAssets.asset(at: "/")?.path == "/index.html")
        #expect(WebAssets.asset(at: "/js/app.js")?.contentType == "text/javascript; charset=utf-8")
        for path in ["", "js/app.js", "/js", "/js/", "/js/app.js/", "//js/app.js", "/js/../js/app.js", "/JS/app.js", "/embed.c"] {
            #expect(WebAssets.asset(at: path) == nil, "\(path)")
        }
    }

    @Test func tagsTellFilesApart() {
        #expect(Set(WebAssets.all.map(\.etag)).count == WebAssets.all.count)
        #expect(WebAssets.all.allSatisfy { $0.etag.wholeMatch(of: #/"[0-9a-f]{24}"/#) != nil })
    }
}
