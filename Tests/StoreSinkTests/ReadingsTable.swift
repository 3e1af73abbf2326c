import ConnectorDynamoDB
import Foundation
import TestServers

/// A table of readings by their sensor, of one test.
struct ReadingsTable {
    let name = freshName("readings-")

    /// The client of the test itself, with the table made.
    func make() async throws -> DynamoDBClient {
        let client = try DynamoDBClient(
            DynamoDBClient.Settings(region: "us-east-1", endpoint: try TestServer.dynamodb.url()), environment: [:])
        _ = try await client.call(
            "CreateTable",
            DynamoDBRequest.data([
                "TableName": name, "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [["AttributeName": "sensor", "AttributeType": "S"]],
                "KeySchema": [["AttributeName": "sensor", "KeyType": "HASH"]],
            ]))
        return client
    }

    func stored(_ client: DynamoDBClient) async throws -> [String: Int64] {
        let answer = DynamoDBRequest.object(try await client.call("Scan", DynamoDBRequest.data(["TableName": name])))
        let items = (answer["Items"] as? [Any] ?? []).compactMap { Item(json: $0) }
        return try Dictionary(uniqueKeysWithValues: items.map { (try $0.text("sensor"), try $0.integer("number")) })
    }
}
