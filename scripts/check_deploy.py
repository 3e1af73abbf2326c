"""What scripts/check-deploy asks about documents and about what was applied. Each check prints one line, or fails.

  openapi FILE      operations are complete, and written so that API Gateway imports them
  collector FILE    what pipelines name is defined, and what is defined is used
  certificate       makes a certificate in the AWS that AWS_ENDPOINT_URL names, prints its ARN
  routes FILE       the API made there has exactly the routes of the document, each with an integration
  stores            tasks are told the addresses of the managed stores made there, and Kafka's login
  secrets FILE      no secret made there is in the Terraform state FILE
"""

import json
import sys
from urllib.parse import urlsplit

METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}


def fail(problem):
    sys.exit(f"check-deploy: {problem}")


def load(path):
    import yaml

    with open(path) as file:
        return yaml.safe_load(file)


def operations(document):
    """(path, method, operation) of each, in order."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def check_examples(document, place, content):
    """Examples follow the schema they illustrate."""
    from openapi_schema_validator import OAS30Validator

    examples = [item["value"] for item in content.get("examples", {}).values()]
    if "example" in content:
        examples.append(content["example"])
    schema = {**content["schema"], "components": document["components"]}
    for example in examples:
        for error in OAS30Validator(schema).iter_errors(example):
            fail(f"{place}: an example is not as its schema says: {error.message}")


def check_openapi(path):
    document = load(path)
    if not document["openapi"].startswith("3.0."):
        fail(f"openapi {document['openapi']}: API Gateway imports 3.0 only")
    seen = set()
    for route, method, operation in operations(document):
        name = f"{method.upper()} {route}"
        if method not in METHODS:
            fail(f"{route}: '{method}' is no method; write parameters into each operation")
        if operation["operationId"] in seen:
            fail(f"{name}: operationId {operation['operationId']} is used twice")
        seen.add(operation["operationId"])
        if route.startswith("/v1/") and operation.get("security") != []:
            missing = {"401", "429", "503"} - set(operation["responses"])
            if missing:
                fail(f"{name}: says nothing about {', '.join(sorted(missing))}")
        for content in operation.get("requestBody", {}).get("content", {}).values():
            check_examples(document, name, content)
        for status, response in operation["responses"].items():
            if "$ref" in response:
                response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
            for media, content in response.get("content", {}).items():
                if list(content["schema"]) != ["$ref"]:
                    fail(f"{name} {status}: give the schema of {media} a name under components")
                check_examples(document, f"{name} {status}", content)
                if status[0] in "45" and media != "application/problem+json" and operation.get("security") != []:
                    fail(f"{name} {status}: errors are application/problem+json, not {media}")
    print(f"{path}: {len(seen)} operations, complete")


def check_collector(path):
    configuration = load(path)
    service = configuration["service"]
    used = {kind: set() for kind in ("receivers", "processors", "exporters")}
    for name, pipeline in service["pipelines"].items():
        for kind, names in used.items():
            names.update(pipeline.get(kind, []))
            if kind != "processors" and not pipeline.get(kind):
                fail(f"{path}: the pipeline {name} has no {kind}")
    used["extensions"] = set(service.get("extensions", []))
    for kind, names in used.items():
        defined = set(configuration.get(kind, {}))
        if names != defined:
            fail(f"{path}: {kind} used {sorted(names)}, defined {sorted(defined)}")
    print(f"{path}: {len(service['pipelines'])} pipelines, all parts defined and used")


def make_certificate():
    import boto3

    answer = boto3.client("acm").request_certificate(DomainName="prices.example")
    print(answer["CertificateArn"])


def check_routes(path):
    import boto3

    document = load(path)
    expected = {
        f"{method.upper()} {route}"
        for route, method, _ in operations(document)
        if route.startswith("/v1/") and not route.startswith("/v1/dev/")
    }
    client = boto3.client("apigatewayv2")
    api = client.get_apis()["Items"][0]["ApiId"]
    integrations = {item["IntegrationId"]: item for item in client.get_integrations(ApiId=api)["Items"]}
    routes = client.get_routes(ApiId=api)["Items"]
    found = {route["RouteKey"] for route in routes}
    if found != expected:
        fail(f"routes of the API: {sorted(found)}; of the document: {sorted(expected)}")
    for route in routes:
        integration = integrations[route["Target"].removeprefix("integrations/")]
        if integration["IntegrationType"].lower() != "http_proxy" or "listener" not in integration["IntegrationUri"]:
            fail(f"{route['RouteKey']}: its integration does not reach the load balancer: {integration}")
    print(f"API Gateway: {len(found)} routes, those of the document, each with an integration")


def secret(client, name):
    return client.get_secret_value(SecretId=name)["SecretString"]


def check_stores():
    import boto3

    kafka, secrets = boto3.client("kafka"), boto3.client("secretsmanager")
    cluster = kafka.list_clusters()["ClusterInfoList"][0]["ClusterArn"]
    brokers = kafka.get_bootstrap_brokers(ClusterArn=cluster)["BootstrapBrokerStringSaslScram"]
    group = boto3.client("elasticache").describe_replication_groups()["ReplicationGroups"][0]
    prices = group["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
    domain = boto3.client("opensearch").describe_domain(DomainName="weir-history")["DomainStatus"]
    history = domain.get("Endpoint") or domain["Endpoints"]["vpc"]

    definition = boto3.client("ecs").describe_task_definition(taskDefinition="weir-trade-execution")["taskDefinition"]
    container = next(item for item in definition["containerDefinitions"] if item["name"] == "weir")
    told = {item["name"]: item["value"] for item in container["environment"]}
    login = json.loads(secret(secrets, "AmazonMSK_weir"))
    properties = dict(pair.split("=", 1) for pair in secret(secrets, "weir/kafka-properties").split(","))
    for what, found, expected in (
        ("transport", told["WEIR_TRANSPORT"], f"kafka://{brokers}"),
        ("prices", told["WEIR_PRICES"], f"rediss://{prices}:6379"),
        ("history", urlsplit(secret(secrets, "weir/history")).hostname, history),
        ("Kafka's user", properties["sasl.username"], login["username"]),
        ("Kafka's password", properties["sasl.password"], login["password"]),
    ):
        if not expected or found != expected:
            fail(f"{what}: tasks are told {found}, the store made says {expected}")
    associated = kafka.list_scram_secrets(ClusterArn=cluster)["SecretArnList"]
    if associated != [secrets.describe_secret(SecretId="AmazonMSK_weir")["ARN"]]:
        fail(f"MSK takes the logins {associated}")
    print("MSK, ElastiCache, OpenSearch: tasks are told their addresses and Kafka's login")


def check_secrets(path):
    import boto3

    client = boto3.client("secretsmanager")
    with open(path) as file:
        state = file.read()
    names = [item["Name"] for item in client.list_secrets()["SecretList"]]
    for name in names:
        value = secret(client, name)
        values = json.loads(value).values() if value.startswith("{") else [value]
        if any(len(item) >= 20 and item in state for item in values):
            fail(f"the secret {name} is in the state")
    print(f"state: none of {len(names)} secrets in it")


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    checks = {
        "openapi": check_openapi,
        "collector": check_collector,
        "certificate": make_certificate,
        "routes": check_routes,
        "stores": check_stores,
        "secrets": check_secrets,
    }
    checks[command](*arguments)
