import Crypto
import Foundation
import Testing

/// What is shown at the gateway instead of a good token, and what comes of it.
struct TokenAttack: Sendable {
    let name: String
    let headers: Fields
    var status = 401
    var problem = "bad-token"

    static func all(_ system: SecuredSystem) -> [TokenAttack] {
        withoutToken + written(system) + signedWrongly(system) + claiming(system)
    }

    private static let withoutToken: [TokenAttack] = {
        let headers: [Fields] = [
            [], [("Authorization", "")], [("Authorization", "Bearer")], [("Authorization", "Basic YWRhOmFkYQ==")],
            [("Authorization", "Bearer a b")], [("Cookie", "token=CanaryOfCookie; Authorization=Bearer")],
            [("X-Authorization", "Bearer CanaryOfHeader")],
        ]
        return headers.enumerated().map { TokenAttack(name: "no token \($0)", headers: $1, problem: "no-token") }
    }()

    /// Not the right letters.
    private static func written(_ system: SecuredSystem) -> [TokenAttack] {
        let good = TestToken.make(payload: TestToken.claims())
        let parts = good.split(separator: ".").map(String.init)
        let bobs = TestToken.encoded(TestToken.claims(sub: "bob"))
        let long = TestToken.make(payload: TestToken.claims(more: "\"pad\":\"\(String(repeating: "x", count: 5_000))\""))
        let huge = TestToken.make(payload: TestToken.claims(more: "\"pad\":\"\(String(repeating: "x", count: 20_000))\""))
        var attacks = [
            ("no dots", "CanaryOfToken"), ("two parts", "\(parts[0]).\(parts[1])"), ("four parts", good + ".e30"),
            ("no signature", "\(parts[0]).\(parts[1])."), ("another payload", "\(parts[0]).\(bobs).\(parts[2])"),
            ("padding", "\(parts[0])=.\(parts[1]).\(parts[2])"), ("another alphabet", good.replacing("_", with: "/") + "+/"),
            ("too long, and rightly signed", long), ("empty parts", ".."), ("no JSON", "e30.\(parts[1]).\(parts[2])"),
        ].map { TokenAttack(name: $0.0, headers: [system.bearer(token: $0.1)]) }
        attacks.append(
            TokenAttack(
                name: "longer than all header fields may be", headers: [system.bearer(token: huge)], status: 431,
                problem: "headers-too-large"))
        attacks.append(
            TokenAttack(
                name: "two tokens", headers: [system.bearer(token: good), system.bearer("mallory")], status: 400,
                problem: "malformed-request"))
        return attacks
    }

    /// The right claims, proven by nobody.
    private static func signedWrongly(_ system: SecuredSystem) -> [TokenAttack] {
        let claims = TestToken.claims()
        let payload = TestToken.encoded(claims)
        var attacks: [(String, String)] = ["none", "None", "NONE", "nOnE", ""].flatMap { algorithm -> [(String, String)] in
            let header = #"{"alg":"\#(algorithm)","typ":"JWT"}"#
            return [
                ("alg '\(algorithm)', unsigned", "\(TestToken.encoded(header)).\(payload)."),
                ("alg '\(algorithm)', signed", TestToken.make(header: header, payload: claims)),
            ]
        }
        attacks += [
            ("another key", TestToken.make(payload: claims, key: "another secret that is just as long as the right one is")),
            ("the empty key", TestToken.make(payload: claims, key: "")),
            ("another hash", TestToken.make(header: #"{"alg":"HS512"}"#, payload: claims, hash: SHA512.self)),
            ("another hash than it says", TestToken.make(payload: claims, hash: SHA512.self)),
            ("a public-key algorithm", TestToken.make(header: #"{"alg":"RS256"}"#, payload: claims)),
            ("critical fields", TestToken.make(header: #"{"alg":"HS256","crit":["exp"],"exp":1}"#, payload: claims)),
            (
                "a key of its own",
                TestToken.make(
                    header: #"{"alg":"HS256","jwk":{"kty":"oct","k":"Y2FuYXJ5"}}"#, payload: claims, key: "canary")
            ),
            (
                "a key of elsewhere",
                TestToken.make(
                    header: #"{"alg":"HS256","jku":"http://127.0.0.1:1/keys","kid":"../../etc/passwd"}"#, payload: claims,
                    key: "k")
            ),
        ]
        return attacks.map { TokenAttack(name: $0.0, headers: [system.bearer(token: $0.1)]) }
    }

    /// Rightly signed, and yet not good here or now.
    private static func claiming(_ system: SecuredSystem) -> [TokenAttack] {
        [
            ("expired", TestToken.claims(expiresIn: -1)), ("never expires", TestToken.claims(expiresIn: nil)),
            ("not valid yet", TestToken.claims(notBeforeIn: 600)), ("another audience", TestToken.claims(aud: "other")),
            ("no audience", TestToken.claims(aud: nil)), ("another issuer", TestToken.claims(iss: "elsewhere")),
            ("no issuer", TestToken.claims(iss: nil)), ("nobody", TestToken.claims(sub: nil)),
            ("no name", TestToken.claims(sub: "")),
            ("no user id", TestToken.claims(sub: "../ada")), ("a wildcard", TestToken.claims(sub: "*")), ("no object", "[]"),
            ("a time that is text", #"{"sub":"ada","aud":"weir","iss":"security-tests","exp":"tomorrow"}"#),
            ("a time beyond numbers", #"{"sub":"ada","aud":"weir","iss":"security-tests","exp":1e999}"#),
        ].map { TokenAttack(name: $0.0, headers: [system.bearer(token: TestToken.make(payload: $0.1))]) }
    }
}

extension SecurityTests {
    @Suite struct AtTheGateway {
        @Test(arguments: DescribedRoute.ofUsers)
        func onlyAGoodTokenOpensARoute(_ route: DescribedRoute) async throws {
            let system = try SecuredSystem.running()
            let example = try route.example
            var told: Set<String> = []
            for attack in TokenAttack.all(system) {
                let request = example.request(system).with(attack.headers)
                let answer = try await system.answer(request, at: .gateway, "\(route.name), \(attack.name)")
                #expect(answer.status == attack.status, "\(attack.name): \(answer)")
                #expect(answer.problem == attack.problem, "\(attack.name): \(answer)")
                if attack.status == 401 { #expect(answer.headers["www-authenticate"]?.hasPrefix("Bearer") == true) }
                if answer.problem == "bad-token" { told.insert(answer.body) }
            }
            // Nobody learns how near a token came.
            #expect(told.count == 1)
            let served = try await system.answer(
                example.request(system).with(system.proof(at: .gateway)), at: .gateway, "\(route.name), with a good token")
            #expect(example.statuses.contains(served.status), "\(served)")
        }

        /// Of ada's things mallory is shown nothing, whatever name goes with the request.
        @Test(arguments: DescribedRoute.ofUsers)
        func nobodyActsForAnother(_ route: DescribedRoute) async throws {
            let system = try SecuredSystem.running()
            let example = try route.example
            let plain = try await system.answer(
                example.request(system).with([system.bearer("mallory")]), at: .gateway, "\(route.name) as mallory")
            let forgeries: [Fields] = [
                [("x-weir-user", "ada")], [("x-weir-internal", SecuredSystem.credential), ("x-weir-user", "ada")],
                [("X-Forwarded-User", "ada"), ("X-User-Id", "ada"), ("From", "ada"), ("X-Original-URL", "/v1/portfolio")],
            ]
            for headers in forgeries {
                let request = example.request(system).with([system.bearer("mallory")] + headers)
                let forged = try await system.answer(
                    request, at: .gateway, "\(route.name) as mallory with \(headers.map(\.name))")
                #expect(forged.status == plain.status, "\(forged)")
                for adas in ["\"ada\"", "77777", system.adasTrade] { #expect(!forged.body.contains(adas), "\(forged)") }
            }
            for parameter in ["user=ada", "userId=ada", "x-weir-user=ada"] {
                var request = example.request(system)
                request.target += (request.target.contains("?") ? "&" : "?") + parameter
                let answer = try await system.answer(
                    request.with([system.bearer("mallory")]), at: .gateway, "\(route.name)?\(parameter)")
                for adas in ["\"ada\"", "77777", system.adasTrade] { #expect(!answer.body.contains(adas), "\(answer)") }
            }
        }

        /// Another's order is answered as one that does not exist, word for word.
        @Test func anothersOrderIsAnUnknownOrder() async throws {
            let system = try SecuredSystem.running()
            func ask(_ order: String) async throws -> WireAnswer {
                let request = WireRequest(method: "GET", target: "/v1/orders/\(order)", headers: [system.bearer("mallory")])
                return try await system.answer(request, at: .gateway, "mallory asks for \(order)")
            }
            let anothers = try await ask(system.adasOrder)
            #expect(anothers.status == 404)
            let unknown = try await ask("00000000-0000-5000-8000-000000000000")
            #expect(anothers.body == unknown.body)
        }

        /// Tokens are minted only where the key is the data folder's own.
        @Test func thereIsNoSignInWhereTheKeyIsSet() async throws {
            let system = try SecuredSystem.running()
            let request = WireRequest(
                method: "POST", target: "/v1/dev/token", headers: [("Content-Type", "application/json")],
                body: Array(#"{"userId":"ada"}"#.utf8))
            #expect(try await system.answer(request, at: .gateway, "sign-in").status == 404)
        }
    }

    @Suite struct BehindTheGateway {
        @Test(arguments: DescribedRoute.ofUsers)
        func aServiceServesTheGatewayOnly(_ route: DescribedRoute) async throws {
            let system = try SecuredSystem.running()
            let example = try route.example
            let door = try #require(example.service)
            let credential = (name: "x-weir-internal", value: SecuredSystem.credential)
            let user = (name: "x-weir-user", value: "ada")
            let refused: [(what: String, headers: Fields, status: Int, problem: String)] = [
                ("nothing", [], 401, "not-through-gateway"), ("a user alone", [user], 401, "not-through-gateway"),
                ("a token", [system.bearer("ada"), user], 401, "not-through-gateway"),
                ("another credential", [("x-weir-internal", "CanaryOfCredential000"), user], 401, "not-through-gateway"),
                ("an empty credential", [("x-weir-internal", ""), user], 401, "not-through-gateway"),
                (
                    "the beginning of it", [("x-weir-internal", String(SecuredSystem.credential.dropLast())), user], 401,
                    "not-through-gateway"
                ),
                ("more than it", [("x-weir-internal", SecuredSystem.credential + "x"), user], 401, "not-through-gateway"),
                ("two credentials", [credential, credential, user], 400, "malformed-request"),
            ]
            for (what, headers, status, problem) in refused {
                let answer = try await system.answer(
                    example.request(system).with(headers), at: door, "\(route.name) with \(what)")
                #expect(answer.status == status && answer.problem == problem, "\(what): \(answer)")
            }
            // Prices are nobody's: the service does not ask who wants them.
            let doubtful: [(what: String, headers: Fields)] = [
                ("no user", [credential]), ("two users", [credential, user, user]),
                ("no user id", [credential, (name: "x-weir-user", value: "../ada")]),
            ]
            for (what, headers) in doubtful where door != .marketData {
                let answer = try await system.answer(
                    example.request(system).with(headers), at: door, "\(route.name) with \(what)")
                #expect(answer.status == 400, "\(what): \(answer)")
            }
            let served = try await system.answer(
                example.request(system).with(system.proof(at: door)), at: door, "\(route.name) with the credential")
            #expect(example.statuses.contains(served.status), "\(served)")
        }
    }

    @Test func everyDescribedRouteIsAttacked() {
        #expect(!DescribedRoute.all.isEmpty, "deploy/openapi.yaml cannot be read")
        #expect(Set(DescribedRoute.all.map(\.name)) == Set(DescribedRoute.examples.keys))
        #expect(DescribedRoute.conditional.map(\.name) == ["POST /v1/dev/token"], "attacked by itself, see thereIsNoSignIn…")
    }
}
