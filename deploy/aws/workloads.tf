# What runs: five HTTP services and the jobs, one image, one task definition each. Every workload has a role of
# its own (iam.tf), settings as environment variables, secrets from Secrets Manager, and a collector beside it.

locals {
  port        = 8080
  domain      = "${var.name}.internal"
  environment = { for name, url in local.common : "WEIR_${upper(replace(name, "/[.-]/", "_"))}" => url }

  common = {
    "transport"            = "kafka://${local.kafka_servers}"
    "portfolios"           = "dynamodb://${var.region}?table-prefix=${local.table_prefix}"
    "prices"               = local.prices_url
    "topics.partitions"    = tostring(var.topic_partitions)
    "topics.replication"   = "3"
    "metrics.host"         = "127.0.0.1"
    "metrics.port"         = "9600"
    "log.format"           = "json"
    "tracing.endpoint"     = "http://127.0.0.1:4318"
    "tracing.sample-ratio" = tostring(var.trace_sample_ratio)
  }

  services = {
    gateway     = { secrets = concat(["services-credential"], var.jwt == null ? ["token-key"] : []) }
    order       = { secrets = ["services-credential", "kafka-properties"] }
    portfolio   = { secrets = ["services-credential"] }
    query       = { secrets = ["services-credential", "history", "analytics"] }
    market-data = { secrets = ["services-credential"] }
  }

  # A job is one task: more would be refused by its lock and fenced by Kafka. It is stopped before it is replaced.
  jobs = {
    trade-execution = { secrets = ["kafka-properties"], cpu = 2048, memory = 4096 }
    price-cache     = { secrets = ["kafka-properties"], cpu = 512, memory = 1024 }
    trade-history   = { secrets = ["kafka-properties", "history"], cpu = 1024, memory = 2048 }
    trade-analytics = { secrets = ["kafka-properties", "analytics"], cpu = 1024, memory = 2048 }
  }

  workloads = merge(
    { for name, service in local.services : name => {
      command = ["service", name], secrets = service.secrets, cpu = 1024, memory = 2048, is_job = false
    } },
    { for name, job in local.jobs : name => {
      command = ["run", name], secrets = job.secrets, cpu = job.cpu, memory = job.memory, is_job = true
    } },
    { provision = {
      command = ["provision"], secrets = ["kafka-properties", "history", "analytics"], cpu = 512, memory = 1024, is_job = false
    } },
  )

  secret_settings = {
    kafka-properties    = "WEIR_KAFKA_PROPERTIES"
    history             = "WEIR_HISTORY"
    analytics           = "WEIR_ANALYTICS"
    services-credential = "WEIR_SERVICES_CREDENTIAL"
    token-key           = "WEIR_TOKENS_SECRET"
  }

  # Where the gateway finds the services.
  addresses = {
    for name in ["order", "portfolio", "query", "market-data"] :
    "WEIR_SERVICES_${upper(replace(name, "-", "_"))}_URL" => "http://${name}.${local.domain}:${local.port}"
  }

  service_environment = {
    WEIR_SERVICES_HOST = "0.0.0.0"
    WEIR_SERVICES_PORT = tostring(local.port)
    WEIR_GATEWAY_HOST  = "0.0.0.0"
    WEIR_GATEWAY_PORT  = tostring(local.port)
  }

  # Whose tokens the gateway service takes: those of var.jwt, else those signed with the generated key.
  token_environment = var.jwt == null ? {} : {
    WEIR_TOKENS_KEY_SET  = var.jwt.key_set
    WEIR_TOKENS_ISSUER   = var.jwt.issuer
    WEIR_TOKENS_AUDIENCE = var.jwt.audience
  }
}

resource "aws_ecs_cluster" "main" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "workload" {
  for_each          = local.workloads
  name              = "/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_ecs_task_definition" "workload" {
  for_each                 = local.workloads
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = aws_iam_role.workload[each.key].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  dynamic "volume" {
    for_each = each.value.is_job ? [each.key] : []
    content {
      name = "checkpoints"
      efs_volume_configuration {
        file_system_id     = aws_efs_file_system.checkpoints.id
        transit_encryption = "ENABLED"
        authorization_config {
          access_point_id = aws_efs_access_point.job[each.key].id
          iam             = "ENABLED"
        }
      }
    }
  }

  container_definitions = jsonencode([
    {
      name      = "weir"
      image     = var.image
      essential = true
      command   = each.value.command
      user      = "1000:1000"
      # Fargate's longest: a job finishes what is in flight and takes a last checkpoint.
      stopTimeout  = 120
      portMappings = contains(keys(local.services), each.key) ? [{ containerPort = local.port, protocol = "tcp" }] : []
      environment = [
        for name, value in merge(
          local.environment,
          contains(keys(local.services), each.key) ? local.service_environment : {},
          each.key == "gateway" ? merge(local.addresses, local.token_environment) : {},
          each.value.is_job ? { WEIR_CHECKPOINT_DIR = "/checkpoints" } : {},
          { WEIR_DATA = "/tmp/weir", WEIR_TRACING_SERVICE_NAME = "${var.name}-${each.key}" },
        ) : { name = name, value = value }
      ]
      secrets = [
        for name in each.value.secrets :
        { name = local.secret_settings[name], valueFrom = aws_secretsmanager_secret.each[name].arn }
      ]
      mountPoints = each.value.is_job ? [{ sourceVolume = "checkpoints", containerPath = "/checkpoints", readOnly = false }] : []
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.workload[each.key].name
          awslogs-region        = var.region
          awslogs-stream-prefix = "weir"
        }
      }
    },
    {
      name      = "collector"
      image     = var.collector_image
      essential = false
      secrets   = [{ name = "AOT_CONFIG_CONTENT", valueFrom = aws_ssm_parameter.collector.arn }]
      environment = [
        { name = "WEIR_WORKLOAD", value = each.key },
        { name = "WEIR_DEPLOYMENT", value = var.name },
        # A service serves its metrics beside its routes, a job on a port of their own.
        { name = "WEIR_METRICS", value = "127.0.0.1:${contains(keys(local.services), each.key) ? local.port : 9600}" },
      ]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.workload[each.key].name
          awslogs-region        = var.region
          awslogs-stream-prefix = "collector"
        }
      }
    },
  ])
}

resource "aws_service_discovery_private_dns_namespace" "main" {
  name = local.domain
  vpc  = aws_vpc.main.id
}

resource "aws_service_discovery_service" "each" {
  for_each = local.services
  name     = each.key

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.main.id
    routing_policy = "MULTIVALUE"
    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

resource "aws_ecs_service" "service" {
  for_each        = local.services
  name            = each.key
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.workload[each.key].arn
  desired_count   = lookup(var.service_count, each.key, 2)
  launch_type     = "FARGATE"

  network_configuration {
    subnets         = aws_subnet.private[*].id
    security_groups = [aws_security_group.each["workloads"].id]
  }

  service_registries {
    registry_arn = aws_service_discovery_service.each[each.key].arn
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "load_balancer" {
    for_each = each.key == "gateway" ? concat([aws_lb_target_group.api.arn], aws_lb_target_group.websocket[*].arn) : []
    content {
      target_group_arn = load_balancer.value
      container_name   = "weir"
      container_port   = local.port
    }
  }

  # Placement is left to AWS.
  lifecycle {
    ignore_changes = [availability_zone_rebalancing]
  }

  depends_on = [aws_lb_listener.api, aws_lb_listener.websocket]
}

resource "aws_ecs_service" "job" {
  for_each        = local.jobs
  name            = each.key
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.workload[each.key].arn
  desired_count   = 1
  launch_type     = "FARGATE"

  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100

  network_configuration {
    subnets         = aws_subnet.private[*].id
    security_groups = [aws_security_group.each["workloads"].id]
  }

  lifecycle {
    ignore_changes = [availability_zone_rebalancing]
  }

  depends_on = [aws_efs_mount_target.checkpoints]
}
