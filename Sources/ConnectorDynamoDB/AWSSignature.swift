import Crypto
import Foundation
import StreamRuntime

/// AWS Signature Version 4. Pure: the time is passed in.
package struct AWSSignature {
    package let region: String
    package let service: String
    package let credentials: AWSCredentials

    package init(region: String, service: String, credentials: AWSCredentials) {
        self.region = region
        self.service = service
        self.credentials = credentials
    }

    /// The headers to be added to a request: `x-amz-date`, `x-amz-security-token` with temporary
    /// credentials, and `authorization`, which covers them and all of `headers`.
    /// - Parameters:
    ///   - query: name and value pairs, neither encoded.
    ///   - headers: what will be sent, `host` among them; names in lower case.
    package func headers(
        method: String, path: String, query: [(String, String)] = [], headers: [(String, String)], body: some DataProtocol,
        nowMillis: Int64
    ) -> [(String, String)] {
        let stamp = AWSSignature.stamp(nowMillis)
        var added = [("x-amz-date", stamp)]
        if let token = credentials.sessionToken { added.append(("x-amz-security-token", token)) }
        let sorted = (headers + added).sorted { $0.0 < $1.0 }
        let signedNames = sorted.map(\.0).joined(separator: ";")
        let queryText = query.map { (AWSSignature.encode($0.0), AWSSignature.encode($0.1)) }
            .sorted { $0 < $1 }.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        let canonicalHeaders = sorted.map { "\($0.0):\(AWSSignature.trim($0.1))\n" }.joined()
        let request = [
            method, path, queryText, canonicalHeaders, signedNames, hexDigits(of: SHA256.hash(data: body)),
        ].joined(separator: "\n")
        let day = String(stamp.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let toSign = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(hexDigits(of: SHA256.hash(data: Data(request.utf8))))"
        let signature = HMAC<SHA256>.authenticationCode(for: Data(toSign.utf8), using: key(day: day))
        added.append(
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(signedNames), "
                    + "Signature=\(hexDigits(of: signature))"
            ))
        return added
    }

    /// The signing key of one day.
    package func key(day: String) -> SymmetricKey {
        var key = SymmetricKey(data: Data("AWS4\(credentials.secretAccessKey)".utf8))
        for part in [day, region, service, "aws4_request"] {
            key = SymmetricKey(data: Data(HMAC<SHA256>.authenticationCode(for: Data(part.utf8), using: key)))
        }
        return key
    }

    /// `YYYYMMDDTHHMMSSZ` of a time of day.
    package static func stamp(_ millis: Int64) -> String {
        var seconds = time_t(millis / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(parts.tm_year + 1900)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))Z"
    }

    private static func encode(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? text
    }

    private static func trim(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
}
