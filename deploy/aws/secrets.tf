# Generated on the first apply and written straight to Secrets Manager: none of these values is in the state.
# Raise secret_generation to renew them, and whenever a URL given as a variable changes.

ephemeral "aws_secretsmanager_random_password" "kafka" {
  password_length     = 40
  exclude_punctuation = true
}

ephemeral "aws_secretsmanager_random_password" "services" {
  password_length     = 48
  exclude_punctuation = true
}

ephemeral "aws_secretsmanager_random_password" "tokens" {
  password_length     = 64
  exclude_punctuation = true
}

# MSK takes credentials only from secrets named AmazonMSK_ under a key of the customer's.
resource "aws_kms_key" "kafka" {
  description         = "${var.name}: Kafka credentials"
  enable_key_rotation = true
}

resource "aws_secretsmanager_secret" "kafka_login" {
  count                   = var.managed_stores ? 1 : 0
  name                    = "AmazonMSK_${var.name}"
  kms_key_id              = aws_kms_key.kafka.arn
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "kafka_login" {
  count                    = var.managed_stores ? 1 : 0
  secret_id                = aws_secretsmanager_secret.kafka_login[0].id
  secret_string_wo         = jsonencode({ username = "weir", password = ephemeral.aws_secretsmanager_random_password.kafka.random_password })
  secret_string_wo_version = var.secret_generation
}

locals {
  # Each becomes one environment variable of the tasks that need it.
  secrets = {
    kafka-properties = var.managed_stores ? join(",", [
      "security.protocol=SASL_SSL", "sasl.mechanisms=SCRAM-SHA-512", "sasl.username=weir",
      "sasl.password=${ephemeral.aws_secretsmanager_random_password.kafka.random_password}",
    ]) : var.external_stores.kafka_properties
    history             = local.history_url
    analytics           = var.analytics_url
    services-credential = ephemeral.aws_secretsmanager_random_password.services.random_password
    token-key           = ephemeral.aws_secretsmanager_random_password.tokens.random_password
  }
  secret_names = toset(["kafka-properties", "history", "analytics", "services-credential", "token-key"])
}

resource "aws_secretsmanager_secret" "each" {
  for_each                = local.secret_names
  name                    = "${var.name}/${each.key}"
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "each" {
  for_each                 = local.secret_names
  secret_id                = aws_secretsmanager_secret.each[each.key].id
  secret_string_wo         = local.secrets[each.key]
  secret_string_wo_version = var.secret_generation
}
