import ConnectorDynamoDB
import Foundation
import Testing

/// Answers of AWS, nested deeper than Foundation reads: it traps on them, so a test that gets to its end has passed.
@Suite struct NestedAnswersTests {
    private static let tooDeep =
        [513, 514, 1024, 100_000].map { String(repeating: "[", count: $0) }
        + [257, 512].map { String(repeating: #"{"a":["#, count: $0) }

    @Test(arguments: tooDeep.map { Data($0.utf8) }) func whatIsNestedTooDeeplyIsNoAnswer(_ body: Data) {
        #expect(AWSCredentials.fromContainer(body) == nil)
        #expect(DynamoDBRequest.object(body).isEmpty)
        let refusal = DynamoDBClient.refusal(503, body)
        #expect(refusal.type.isEmpty && refusal.message.isEmpty)
        #expect(DynamoDBClient.meaning(of: refusal, "GetItem").isRetryable)
    }

    /// An item has up to 32 levels of maps, each of which is two of JSON; a condition that failed carries it.
    @Test func aRefusalIsKnownHoweverDeepTheItemIsThatItCarries() {
        let item = String(repeating: #"{"M":{"a":"#, count: 32) + #"{"S":"x"}"# + String(repeating: "}}", count: 32)
        let body = ##"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Item":{"k":"## + item + "}}"
        #expect(DynamoDBClient.refusal(400, Data(body.utf8)).type == "ConditionalCheckFailedException")
    }
}
