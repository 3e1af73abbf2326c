"""What scripts/check-deploy asks about documents and about moto. Each check prints one line, or fails.

  openapi FILE      operations are complete, and written so that API Gateway imports them
  collector FILE    what pipelines name is defined, and what is defined is used
  certificate       makes a certificate in the AWS that AWS_ENDPOINT_URL names, prints its ARN
  routes FILE       the API made there has exactly the routes of the document, each with an integration
"""

import sys

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


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    checks = {
        "openapi": check_openapi,
        "collector": check_collector,
        "certificate": make_certificate,
        "routes": check_routes,
    }
    checks[command](*arguments)
