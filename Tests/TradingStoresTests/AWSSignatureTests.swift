import ConnectorDynamoDB
import Crypto
import Foundation
import Testing
import TradingStores

/// Against the examples AWS publishes for Signature Version 4.
@Suite struct AWSSignatureTests {
    private let example = AWSCredentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    /// 2015-08-30T12:36:00Z.
    private let nowMillis: Int64 = 1_440_938_160_000

    private func signature(_ headers: [(String, String)]) -> String? {
        headers.first { $0.0 == "authorization" }?.1.components(separatedBy: "Signature=").last
    }

    /// The suite's `get-vanilla` and `post-vanilla`.
    @Test(arguments: [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ])
    func vanillaRequestsAreSignedAsPublished(_ method: String, _ expected: String) {
        let signer = AWSSignature(region: "us-east-1", service: "service", credentials: example)
        let headers = signer.headers(
            method: method, path: "/", headers: [("host", "example.amazonaws.com")], body: Data(), nowMillis: nowMillis)
        #expect(signature(headers) == expected)
        #expect(
            headers.last?.1.hasPrefix(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                    + "SignedHeaders=host;x-amz-date, Signature=") == true)
    }

    /// The worked example of the documentation: IAM's ListUsers, with a query and a content type.
    @Test func theWorkedExampleIsSignedAsPublished() {
        let signer = AWSSignature(region: "us-east-1", service: "iam", credentials: example)
        let headers = signer.headers(
            method: "GET", path: "/", query: [("Version", "2010-05-08"), ("Action", "ListUsers")],
            headers: [
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("host", "iam.amazonaws.com"),
            ], body: Data(), nowMillis: nowMillis)
        #expect(signature(headers) == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
        let key = signer.key(day: "20150830").withUnsafeBytes { $0.map { String(format: "%02x", $0) }.joined() }
        #expect(key == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9")
    }

    @Test func aSessionTokenIsSentAndSigned() {
        let temporary = AWSCredentials(accessKeyID: "A", secretAccessKey: "s", sessionToken: "t")
        let headers = AWSSignature(region: "r", service: "dynamodb", credentials: temporary).headers(
            method: "POST", path: "/", headers: [("host", "h")], body: Data("{}".utf8), nowMillis: 0)
        #expect(headers.contains { $0 == ("x-amz-security-token", "t") })
        #expect(headers.last?.1.contains("SignedHeaders=host;x-amz-date;x-amz-security-token") == true)
        #expect(headers.first?.1 == "19700101T000000Z")
    }
}

@Suite struct AWSCredentialsTests {
    @Test func theEnvironmentNeedsBothKeys() {
        #expect(AWSCredentials.fromEnvironment(["AWS_ACCESS_KEY_ID": "a"]) == nil)
        let found = AWSCredentials.fromEnvironment([
            "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "",
        ])
        #expect(found == AWSCredentials(accessKeyID: "a", secretAccessKey: "b"))
    }

    @Test func theSharedFileIsReadByProfile() {
        let text = """
            # a comment
            [default]
            aws_access_key_id = one
            aws_secret_access_key=two==
            [work]
            aws_access_key_id=three
            aws_secret_access_key = four
            aws_session_token = five
            """
        #expect(
            AWSCredentials.fromSharedFile(text, profile: "default")
                == AWSCredentials(accessKeyID: "one", secretAccessKey: "two=="))
        #expect(AWSCredentials.fromSharedFile(text, profile: "work")?.sessionToken == "five")
        #expect(AWSCredentials.fromSharedFile(text, profile: "none") == nil)
    }

    @Test func theContainersAnswerHasAnEnd() {
        let text = #"{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"2026-01-01T00:00:00Z"}"#
        let found = AWSCredentials.fromContainer(Data(text.utf8))
        #expect(found?.expiresAtMillis == 1_767_225_600_000)
        #expect(found?.sessionToken == "c")
        #expect(AWSCredentials.fromContainer(Data("{}".utf8)) == nil)
    }

    @Test func secretsAreAskedForOnlyWhereItIsSafe() {
        for good in ["https://x.example/a", "http://127.0.0.1:5/a", "http://169.254.170.23/v1", "http://localhost/"] {
            #expect(AWSCredentialsChain.isTrusted(good))
        }
        for bad in ["http://10.0.0.1/", "http://example.com/", "ftp://127.0.0.1/", "", "http://127.0.0.1.evil.com/"] {
            #expect(!AWSCredentialsChain.isTrusted(bad))
        }
    }
}
