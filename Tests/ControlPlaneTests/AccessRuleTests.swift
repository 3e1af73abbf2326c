import ControlPlane
import Testing

@Suite struct AccessRuleTests {
    @Test func withoutATokenOnlyThisMachineMayAskAndNoForeignPageMayChange() {
        let rule = AccessRule(token: nil)
        func refused(_ method: String, _ host: String?, origin: String? = nil) -> Bool {
            rule.refusal(
                method: method == "GET" ? .get : .post, host: host, origin: origin, authorization: nil) != nil
        }
        for host in ["localhost", "localhost:8081", "127.0.0.1:8081", "127.1.2.3", "[::1]:8081", "[::1]"] {
            #expect(!refused("GET", host), "\(host)")
            #expect(!refused("POST", host), "\(host)")
            #expect(!refused("POST", host, origin: "http://\(host)"), "\(host)")
            #expect(!refused("GET", host, origin: "http://evil.example"), "\(host)")
            for origin in ["http://evil.example", "null", "https://\(host)", "http://localhost:9999"] {
                #expect(refused("POST", host, origin: origin), "\(host) \(origin)")
            }
        }
        for host in [
            nil, "", "evil.example", "evil.example:8081", "127.0.0.1.evil.example", "1270.0.0.1", "127.0.0", "10.0.0.1", "[::2]",
        ] {
            #expect(refused("GET", host), "\(host ?? "-")")
        }
    }

    @Test func aTokenIsAskedOfEveryone() {
        let rule = AccessRule(token: "secret")
        func status(_ authorization: String?) -> Int? {
            rule.refusal(method: .get, host: "weir.example", origin: nil, authorization: authorization)?.status.code
        }
        for right in ["Bearer secret", "bearer secret", "BEARER secret"] { #expect(status(right) == nil, "\(right)") }
        for wrong in [
            nil, "", "secret", "Bearer ", "Bearer secre", "Bearer secret2", "Bearersecret", "Bearer Secret", "Basic secret",
        ] {
            #expect(status(wrong) == 401)
        }
    }
}
