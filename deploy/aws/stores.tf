# The stores AWS runs for us. ClickHouse is not among them: analytics_url says where it is (README).

resource "aws_msk_configuration" "main" {
  count          = var.managed_stores ? 1 : 0
  name           = var.name
  kafka_versions = ["3.8.x"]

  # Topics are made by 'weir provision', with their partitions; a misspelt one must not come into being.
  server_properties = <<-EOT
    auto.create.topics.enable=false
    default.replication.factor=3
    min.insync.replicas=2
    unclean.leader.election.enable=false
    offsets.retention.minutes=43200
    transactional.id.expiration.ms=2592000000
  EOT
}

resource "aws_msk_cluster" "main" {
  count                  = var.managed_stores ? 1 : 0
  cluster_name           = var.name
  kafka_version          = "3.8.x"
  number_of_broker_nodes = 3

  configuration_info {
    arn      = aws_msk_configuration.main[0].arn
    revision = aws_msk_configuration.main[0].latest_revision
  }

  broker_node_group_info {
    instance_type   = var.kafka_broker.type
    client_subnets  = aws_subnet.private[*].id
    security_groups = [aws_security_group.each["kafka"].id]

    storage_info {
      ebs_storage_info {
        volume_size = var.kafka_broker.disk_gib
      }
    }
  }

  client_authentication {
    sasl {
      scram = true
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = aws_kms_key.kafka.arn
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = true
      }
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.brokers[0].name
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "brokers" {
  count             = var.managed_stores ? 1 : 0
  name              = "/${var.name}/kafka"
  retention_in_days = var.log_retention_days
}

resource "aws_msk_scram_secret_association" "main" {
  count           = var.managed_stores ? 1 : 0
  cluster_arn     = aws_msk_cluster.main[0].arn
  secret_arn_list = [aws_secretsmanager_secret.kafka_login[0].arn]
  depends_on      = [aws_secretsmanager_secret_version.kafka_login]
}

resource "aws_elasticache_subnet_group" "prices" {
  count      = var.managed_stores ? 1 : 0
  name       = "${var.name}-prices"
  subnet_ids = aws_subnet.private[*].id
}

# A cache of public prices, reached from the tasks only, over TLS.
resource "aws_elasticache_replication_group" "prices" {
  count                      = var.managed_stores ? 1 : 0
  replication_group_id       = "${var.name}-prices"
  description                = "Latest prices"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = var.cache_node_type
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  subnet_group_name          = aws_elasticache_subnet_group.prices[0].name
  security_group_ids         = [aws_security_group.each["prices"].id]
}

resource "aws_opensearch_domain" "history" {
  count          = var.managed_stores ? 1 : 0
  domain_name    = "${var.name}-history"
  engine_version = "OpenSearch_2.17"

  cluster_config {
    instance_type          = var.search_node.type
    instance_count         = 3
    zone_awareness_enabled = true
    zone_awareness_config {
      availability_zone_count = 3
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.search_node.disk_gib
  }

  vpc_options {
    subnet_ids         = aws_subnet.private[*].id
    security_group_ids = [aws_security_group.each["history"].id]
  }

  encrypt_at_rest {
    enabled = true
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }

  # Requests carry the user's password; whoever has none is refused by the domain itself.
  advanced_security_options {
    enabled                        = true
    internal_user_database_enabled = true
    master_user_options {
      master_user_name     = "weir"
      master_user_password = var.search_password
    }
  }

  access_policies = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = "es:ESHttp*"
      Resource  = "arn:aws:es:${var.region}:${data.aws_caller_identity.current.account_id}:domain/${var.name}-history/*"
    }]
  })
}

locals {
  kafka_servers = var.managed_stores ? aws_msk_cluster.main[0].bootstrap_brokers_sasl_scram : var.external_stores.kafka
  prices_url    = var.managed_stores ? "rediss://${aws_elasticache_replication_group.prices[0].primary_endpoint_address}:6379" : var.external_stores.prices
  history_url = var.managed_stores ? format(
    "elasticsearch://weir:%s@%s:443?tls=true", urlencode(var.search_password), aws_opensearch_domain.history[0].endpoint
  ) : var.external_stores.history
}
