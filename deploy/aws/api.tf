# The HTTP API: deploy/openapi.yaml is its only list of routes. Each published operation gets an integration that
# goes through the VPC link to the gateway service, which checks tokens and limits users.

locals {
  document = yamldecode(file("${path.module}/../openapi.yaml"))

  # Health and metrics are for load balancers and collectors, the sign-in for a system on one's own machine.
  published = { for route, item in local.document.paths : route => item if startswith(route, "/v1/") && !startswith(route, "/v1/dev/") }

  integration = {
    type                 = "http_proxy"
    connectionType       = "VPC_LINK"
    connectionId         = aws_apigatewayv2_vpc_link.main.id
    httpMethod           = "ANY"
    uri                  = aws_lb_listener.api.arn
    payloadFormatVersion = "1.0"
    timeoutInMillis      = 15000
  }

  authorizer = var.jwt == null ? {} : {
    "x-amazon-apigateway-authorizer" = {
      type             = "jwt"
      identitySource   = "$request.header.Authorization"
      jwtConfiguration = { issuer = var.jwt.issuer, audience = [var.jwt.audience] }
    }
  }

  # An authorizer is given as an oauth2 scheme in this dialect; the document's own scheme says "bearer" to people.
  schemes = { bearer = merge(local.document.components.securitySchemes.bearer, local.authorizer) }

  api_document = merge(local.document, {
    paths = {
      for route, item in local.published : route => {
        for method, operation in item : method => merge(operation, {
          "x-amazon-apigateway-integration" = local.integration
        })
      }
    }
    components = merge(local.document.components, { securitySchemes = local.schemes })
  })
}

resource "aws_apigatewayv2_api" "main" {
  name          = local.document.info.title
  version       = local.document.info.version
  description   = "Orders, portfolios, history and analytics: the Weir trading system (${var.name})"
  protocol_type = "HTTP"
  body          = jsonencode(local.api_document)
}

resource "aws_apigatewayv2_vpc_link" "main" {
  name               = var.name
  subnet_ids         = aws_subnet.private[*].id
  security_group_ids = [aws_security_group.each["link"].id]
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/${var.name}/api"
  retention_in_days = var.log_retention_days
}

resource "aws_apigatewayv2_stage" "main" {
  api_id      = aws_apigatewayv2_api.main.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit    = var.throttle.rate
    throttling_burst_limit   = var.throttle.burst
    detailed_metrics_enabled = true
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      time      = "$context.requestTime"
      requestId = "$context.requestId"
      route     = "$context.routeKey"
      status    = "$context.status"
      millis    = "$context.responseLatency"
      error     = "$context.integrationErrorMessage"
      ip        = "$context.identity.sourceIp"
    })
  }
}

# ---------------------------------------------------------------- the way from the link to the gateway service

resource "aws_lb" "api" {
  name                       = "${var.name}-api"
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = aws_subnet.private[*].id
  security_groups            = [aws_security_group.each["api"].id]
  drop_invalid_header_fields = true
  idle_timeout               = 60
}

resource "aws_lb_target_group" "api" {
  name                 = "${var.name}-api"
  vpc_id               = aws_vpc.main.id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = local.port
  deregistration_delay = 30

  health_check {
    # Not /readyz: a service behind the gateway that is down must not take the others with it.
    path     = "/healthz"
    matcher  = "200"
    interval = 10
    timeout  = 5
  }
}

resource "aws_lb_listener" "api" {
  load_balancer_arn = aws_lb.api.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}
