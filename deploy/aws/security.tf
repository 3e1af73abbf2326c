# Who may talk to whom. Only the WebSocket load balancer is reachable from outside; API Gateway comes in through
# its VPC link.

locals {
  security_groups = {
    link        = "API Gateway's VPC link"
    websocket   = "Public load balancer of live prices"
    api         = "Internal load balancer in front of the gateway service"
    workloads   = "Services and jobs"
    checkpoints = "File system of checkpoints"
    kafka       = "MSK brokers"
    prices      = "ElastiCache"
    history     = "OpenSearch"
  }

  # from, to, port
  allowed = {
    link-to-api              = { from = "link", to = "api", port = 80 }
    api-to-workloads         = { from = "api", to = "workloads", port = local.port }
    websocket-to-workloads   = { from = "websocket", to = "workloads", port = local.port }
    workloads-to-workloads   = { from = "workloads", to = "workloads", port = local.port }
    workloads-to-checkpoints = { from = "workloads", to = "checkpoints", port = 2049 }
    workloads-to-kafka       = { from = "workloads", to = "kafka", port = 9096 }
    workloads-to-prices      = { from = "workloads", to = "prices", port = 6379 }
    workloads-to-history     = { from = "workloads", to = "history", port = 443 }
  }
}

resource "aws_security_group" "each" {
  for_each    = local.security_groups
  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "each" {
  for_each                     = local.allowed
  security_group_id            = aws_security_group.each[each.value.to].id
  referenced_security_group_id = aws_security_group.each[each.value.from].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "each" {
  for_each                     = local.allowed
  security_group_id            = aws_security_group.each[each.value.from].id
  referenced_security_group_id = aws_security_group.each[each.value.to].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "websocket" {
  security_group_id = aws_security_group.each["websocket"].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "Browsers"
}

# AWS endpoints, the registry, ClickHouse and stores kept elsewhere have no security group to name.
resource "aws_vpc_security_group_egress_rule" "workloads_out" {
  security_group_id = aws_security_group.each["workloads"].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  description       = "AWS APIs, images, ClickHouse"
}
