import Foundation
import JWTKit
import Services
import Testing
import Trading

private struct AnyClaims: JWTPayload {
    var sub: String?
    var exp: Double?
    var nbf: Double?
    var aud: String?
    var iss: String?
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

@Suite struct TokenTests {
    private static let secret = "a secret of tests that is long enough"
    private static let now: Int64 = 1_700_000_000_000
    private static let good = AnyClaims(sub: "ada", exp: 1_700_000_100, aud: "weir")

    private static func authority(issuer: String? = nil) async throws -> TokenAuthority {
        try await TokenAuthority.secret(secret, issuer: issuer, nowMillis: { now })
    }

    private static func sign(
        _ claims: AnyClaims, secret: String = secret, _ digest: DigestAlgorithm = .sha256
    ) async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: digest)
        return try await keys.sign(claims)
    }

    private static func refusal(_ token: String, issuer: String? = nil) async throws -> String {
        do {
            let user = try await authority(issuer: issuer).user(of: token)
            return "accepted as \(user)"
        } catch let refusal as TokenRefusal {
            return refusal.description
        }
    }

    @Test func aMintedTokenNamesItsUserUntilItExpires() async throws {
        let time = ManualTime()
        let authority = try await TokenAuthority.secret(Self.secret, nowMillis: time.read)
        let (token, expiresAtMillis) = try await authority.mint(ada, lifetimeMillis: 60_000)
        #expect(try await authority.user(of: token) == ada)
        #expect(expiresAtMillis == time.now + 60_000)
        time.advance(59_999)
        #expect(try await authority.user(of: token) == ada)
        time.advance(1)
        await #expect(throws: TokenRefusal.self) { try await authority.user(of: token) }
    }

    @Test func whatDoesNotCountIsRefused() async throws {
        var claims = Self.good
        #expect(try await Self.refusal(Self.sign(claims)) == "accepted as ada")
        claims.aud = "another"
        #expect(try await Self.refusal(Self.sign(claims)).contains("another audience"))
        claims = Self.good
        claims.aud = nil
        #expect(try await Self.refusal(Self.sign(claims)).contains("malformed"))
        claims = Self.good
        claims.exp = 1_700_000_000
        #expect(try await Self.refusal(Self.sign(claims)).contains("expired"))
        claims.exp = nil
        #expect(try await Self.refusal(Self.sign(claims)).contains("malformed"))
        claims = Self.good
        claims.nbf = 1_700_000_001
        #expect(try await Self.refusal(Self.sign(claims)).contains("not valid yet"))
        claims = Self.good
        for subject in ["", "a b", "../x", String(repeating: "a", count: 65)] {
            claims.sub = subject
            #expect(try await Self.refusal(Self.sign(claims)).contains("no user id"))
        }
        claims = Self.good
        #expect(try await Self.refusal(Self.sign(claims), issuer: "us").contains("another issuer"))
        #expect(
            try await Self.refusal(Self.sign(Self.good, secret: "another secret, just as long as ours")).contains("not signed"))
        #expect(try await Self.refusal(Self.sign(Self.good, .sha512)).contains("algorithm"))
        #expect(try await Self.refusal(String(repeating: "a", count: 5000)).contains("too long"))
    }

    /// The header is the sender's: whatever it says, only a signature by our key with our algorithm counts.
    @Test func theHeaderCannotTalkItsWayIn() async throws {
        let payload = Data(#"{"sub":"ada","exp":1700000100,"aud":"weir"}"#.utf8).urlSafe
        for header in [
            #"{"alg":"none"}"#, #"{"alg":"None"}"#, #"{"alg":"NONE","typ":"JWT"}"#, #"{"alg":""}"#, #"{"typ":"JWT"}"#,
            #"{"alg":null}"#, #"{"alg":"HS256","crit":["exp"]}"#, "{", "",
        ] {
            for signature in ["", "AAAA"] {
                let token = "\(Data(header.utf8).urlSafe).\(payload).\(signature)"
                #expect(try await !Self.refusal(token).hasPrefix("accepted"), "\(header) \(signature)")
            }
        }
        let signed = try await Self.sign(Self.good)
        let parts = signed.split(separator: ".").map(String.init)
        let other = Data(#"{"sub":"bob","exp":1700000100,"aud":"weir"}"#.utf8).urlSafe
        for token in [
            "\(parts[0]).\(other).\(parts[2])", "\(parts[0]).\(parts[1]).", "\(parts[0]).\(parts[1])", signed + ".x",
            ".\(signed)",
            "\(parts[0])=.\(parts[1]).\(parts[2])",
        ] {
            #expect(try await !Self.refusal(token).hasPrefix("accepted"), "\(token)")
        }
    }

    @Test func anEmptyOrOddAudienceIsRefusedNotFatal() async throws {
        for audience in ["[]", "{}", "1", "null", "[1]"] {
            let payload = Data(#"{"sub":"ada","exp":1700000100,"aud":\#(audience)}"#.utf8).urlSafe
            let token = "\(Data(#"{"alg":"HS256"}"#.utf8).urlSafe).\(payload).AAAA"
            #expect(try await !Self.refusal(token).hasPrefix("accepted"))
        }
    }

    /// Foundation traps on them: a test that gets to its end has passed.
    @Test func whatIsNestedTooDeeplyIsMalformed() async throws {
        let header = Data(#"{"alg":"HS256"}"#.utf8).urlSafe
        let payload = Data(#"{"sub":"ada","exp":1700000100,"aud":"weir"}"#.utf8).urlSafe
        for text in [String(repeating: "[", count: 513), String(repeating: #"{"a":["#, count: 257)] {
            let nested = Data(text.utf8).urlSafe
            #expect(try await Self.refusal("\(nested).\(payload).AAAA").contains("malformed"))
            #expect(try await Self.refusal("\(header).\(nested).AAAA").contains("malformed"))
            await #expect(throws: TokenKeyError.self) { try await TokenAuthority.keySet(text) }
        }
    }

    @Test func publicKeysOfAKeySetVerifyAndNeverTurnIntoSecrets() async throws {
        let key = ES256PrivateKey()
        let parameters = try #require(key.publicKey.parameters)
        let set = """
            {"keys":[{"kty":"EC","crv":"P-256","kid":"k1","alg":"ES256","x":"\(parameters.x)","y":"\(parameters.y)"}]}
            """
        let authority = try await TokenAuthority.keySet(set, nowMillis: { Self.now })
        #expect(!authority.canMint)
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: key, kid: "k1")
        #expect(try await authority.user(of: try await keys.sign(Self.good, kid: "k1")) == ada)
        // The public key, which everybody has, used as a secret.
        for guess in [set, parameters.x, key.publicKey.pemRepresentation] {
            let forged = try await Self.sign(Self.good, secret: guess)
            await #expect(throws: TokenRefusal.self) { try await authority.user(of: forged) }
        }
        await #expect(throws: TokenKeyError.self) { try await authority.mint(ada, lifetimeMillis: 1) }
    }

    @Test(arguments: ["", "{}", #"{"keys":[]}"#, #"{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"AAAA"}]}"#])
    func aKeySetThatCannotBeUsedIsRefused(_ json: String) async throws {
        await #expect(throws: TokenKeyError.self) { try await TokenAuthority.keySet(json) }
    }

    @Test func aShortSecretIsRefused() async throws {
        await #expect(throws: TokenKeyError.self) { try await TokenAuthority.secret("short") }
    }
}

extension Data {
    fileprivate var urlSafe: String {
        base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
