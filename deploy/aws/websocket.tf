# Live prices. API Gateway's WebSocket APIs turn every message into an HTTP call and back; a stream of prices to
# thousands of clients wants the connection itself, so an application load balancer passes it to the gateway
# service, which checks the origin (setting market-data.origins names those of your pages) and counts them. Made when there is a
# certificate for it.

locals {
  publishes_websocket = var.certificate_arn != null
}

resource "aws_lb" "websocket" {
  count                      = local.publishes_websocket ? 1 : 0
  name                       = "${var.name}-websocket"
  load_balancer_type         = "application"
  subnets                    = aws_subnet.public[*].id
  security_groups            = [aws_security_group.each["websocket"].id]
  drop_invalid_header_fields = true
  # Longer than the service's ping interval, so that it is the service that notices a dead client.
  idle_timeout = 120
}

resource "aws_lb_target_group" "websocket" {
  count                = local.publishes_websocket ? 1 : 0
  name                 = "${var.name}-websocket"
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

resource "aws_lb_listener" "websocket" {
  count             = local.publishes_websocket ? 1 : 0
  load_balancer_arn = aws_lb.websocket[0].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "websocket" {
  count        = local.publishes_websocket ? 1 : 0
  listener_arn = aws_lb_listener.websocket[0].arn
  priority     = 1

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.websocket[0].arn
  }

  condition {
    path_pattern {
      values = ["/v1/prices"]
    }
  }

  condition {
    http_header {
      http_header_name = "Upgrade"
      values           = ["websocket"]
    }
  }
}
