import Crypto
import Foundation
import JWTKit
import StoreKit
import Trading
import UntrustedJSON

/// Reads the tokens that name users, and mints them where the key is at hand.
///
/// A token counts when its signature is by one of the keys, made with an algorithm this authority uses (the token's own
/// `alg` chooses nothing else: `none`, or a public key taken for a secret, is refused before anything is verified), it
/// has not expired, and it is meant for this audience. `sub` is the user.
package final class TokenAuthority: Sendable {
    package static let audience = "weir"
    static let tokenBytesMax = 4096
    private static let hmac = "HS256"

    private let keys: JWTKeyCollection
    private let algorithms: Set<String>
    private let audience: String
    private let issuer: String?
    private let nowMillis: @Sendable () -> Int64
    /// Whether the key at hand signs, too.
    package let canMint: Bool

    private init(
        _ keys: JWTKeyCollection, _ algorithms: Set<String>, audience: String, issuer: String?, canMint: Bool,
        nowMillis: @escaping @Sendable () -> Int64
    ) {
        self.keys = keys
        self.algorithms = algorithms
        self.audience = audience
        self.issuer = issuer
        self.canMint = canMint
        self.nowMillis = nowMillis
    }

    /// One secret, for signing and verifying (HS256). Throws for one of less than 32 bytes.
    package static func secret(
        _ secret: String, audience: String = audience, issuer: String? = nil,
        nowMillis: @escaping @Sendable () -> Int64 = { WallClock.nowMillis() }
    ) async throws -> TokenAuthority {
        guard secret.utf8.count >= 32 else { throw TokenKeyError("a secret for tokens has at least 32 bytes") }
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        return TokenAuthority(
            keys, [hmac], audience: audience, issuer: issuer, canMint: true, nowMillis: nowMillis)
    }

    /// The public keys of somebody else who mints (RFC 7517): RS256, ES256, EdDSA. Secrets among them are refused.
    package static func keySet(
        _ json: String, audience: String = audience, issuer: String? = nil,
        nowMillis: @escaping @Sendable () -> Int64 = { WallClock.nowMillis() }
    ) async throws -> TokenAuthority {
        let set: JWKS
        do {
            set = try UntrustedJSON.decode(JWKS.self, from: Data(json.utf8))
        } catch {
            throw TokenKeyError("the key set is not a JWKS: \(error)")
        }
        let keys = JWTKeyCollection()
        let wanted: Set<String> = ["RS256", "ES256", "EdDSA"]
        for key in set.keys {
            if let algorithm = key.algorithm, !wanted.contains(algorithm.rawValue) {
                throw TokenKeyError("the key set holds a key for \(algorithm.rawValue); usable are RS256, ES256 and EdDSA")
            }
            do {
                try await keys.add(jwk: key)
            } catch {
                throw TokenKeyError("a key of the key set cannot be used: \(error)")
            }
        }
        if set.keys.isEmpty { throw TokenKeyError("the key set is empty") }
        return TokenAuthority(
            keys, wanted, audience: audience, issuer: issuer, canMint: false, nowMillis: nowMillis)
    }

    /// The user a token names. Throws why it does not count, for the log: a client is told nothing but 401.
    package func user(of token: String) async throws(TokenRefusal) -> UserID {
        guard token.utf8.count <= Self.tokenBytesMax else { throw TokenRefusal("too long") }
        let header = try Self.header(of: token)
        guard algorithms.contains(header.alg) else { throw TokenRefusal("made with an algorithm that is not used here") }
        guard header.crit == nil else { throw TokenRefusal("with critical fields that are not known here") }
        let claims: Claims
        do {
            claims = try await keys.verify(token, as: Claims.self)
        } catch {
            throw TokenRefusal("not signed by a key of ours, or malformed")
        }
        let now = Double(nowMillis()) / 1000
        guard claims.exp > now else { throw TokenRefusal("expired") }
        if let notBefore = claims.nbf, notBefore > now { throw TokenRefusal("not valid yet") }
        guard claims.aud.contains(audience) else { throw TokenRefusal("for another audience") }
        if let issuer, claims.iss != issuer { throw TokenRefusal("by another issuer") }
        guard let user = UserID(claims.sub) else { throw TokenRefusal("of a subject that is no user id") }
        return user
    }

    /// A token of `user` for so long. Throws `TokenKeyError` when only others can mint.
    package func mint(_ user: UserID, lifetimeMillis: Int64) async throws -> (token: String, expiresAtMillis: Int64) {
        guard canMint else { throw TokenKeyError("tokens are minted by whoever holds the private keys of the key set") }
        let now = nowMillis()
        let expiresAtMillis = (now + lifetimeMillis) / 1000 * 1000
        let claims = Claims(
            sub: user.text, exp: Double(expiresAtMillis / 1000), nbf: nil, iat: Double(now / 1000), aud: [audience],
            iss: issuer)
        return (try await keys.sign(claims), expiresAtMillis)
    }

    private struct Header: Decodable {
        let alg: String
        let crit: [String]?
    }

    private static func header(of token: String) throws(TokenRefusal) -> Header {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let data = Data(base64URL: String(parts[0])),
            let claims = Data(base64URL: String(parts[1])), UntrustedJSON.isShallow(claims),
            let header = try? UntrustedJSON.decode(Header.self, from: data)
        else { throw TokenRefusal("malformed") }
        return header
    }
}

/// RFC 7519's registered claims, as far as they count here. Times are seconds.
private struct Claims: JWTPayload {
    let sub: String
    let exp: Double
    let nbf: Double?
    let iat: Double?
    let aud: [String]
    let iss: String?

    private enum CodingKeys: String, CodingKey { case sub, exp, nbf, iat, aud, iss }

    init(sub: String, exp: Double, nbf: Double?, iat: Double?, aud: [String], iss: String?) {
        self.sub = sub
        self.exp = exp
        self.nbf = nbf
        self.iat = iat
        self.aud = aud
        self.iss = iss
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        sub = try fields.decode(String.self, forKey: .sub)
        exp = try fields.decode(Double.self, forKey: .exp)
        nbf = try fields.decodeIfPresent(Double.self, forKey: .nbf)
        iat = try fields.decodeIfPresent(Double.self, forKey: .iat)
        iss = try fields.decodeIfPresent(String.self, forKey: .iss)
        // One audience may stand without its array.
        if let one = try? fields.decode(String.self, forKey: .aud) {
            aud = [one]
        } else {
            aud = try fields.decode([String].self, forKey: .aud)
        }
    }

    /// Judged by `TokenAuthority`, which has the clock.
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

/// Why a token does not count: never the token itself.
package struct TokenRefusal: Error, Hashable, CustomStringConvertible {
    package let description: String
    init(_ reason: String) { description = "the token is \(reason)" }
}

/// A key that tokens cannot be read or made with.
package struct TokenKeyError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
