# The source of truth for users: the same tables as 'weir provision' makes (docs/provisioning.md).

locals {
  tables = {
    portfolios     = { key = "userId", expires = false }
    executions     = { key = "orderId", expires = true }
    orders         = { key = "orderId", expires = true }
    order_requests = { key = "requestKey", expires = true }
  }
  table_prefix = "${var.name}-"
}

resource "aws_dynamodb_table" "each" {
  for_each     = local.tables
  name         = "${local.table_prefix}${each.key}"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = each.value.key

  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = each.value.key
    type = "S"
  }

  # Readers judge expires_at themselves; this only makes room.
  dynamic "ttl" {
    for_each = each.value.expires ? ["expires_at"] : []
    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}
