# Least privilege: every workload may do to each table exactly what its code does, and nothing else.

locals {
  # TransactWriteItems has no permission of its own: it needs those of the writes in it.
  table_actions = {
    order = {
      orders         = ["GetItem", "PutItem"]
      order_requests = ["GetItem", "PutItem", "UpdateItem"]
      portfolios     = ["GetItem"]
      executions     = ["GetItem"]
    }
    portfolio = {
      portfolios = ["GetItem", "PutItem"]
    }
    trade-execution = {
      portfolios = ["GetItem", "PutItem", "ConditionCheckItem"]
      executions = ["GetItem", "PutItem"]
    }
    provision = {
      for table in keys(local.tables) : table => ["DescribeTable", "DescribeTimeToLive"]
    }
  }
}

data "aws_iam_policy_document" "ecs" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

# ---------------------------------------------------------------- starting a task: image, logs, secrets

resource "aws_iam_role" "start" {
  name               = "${var.name}-start"
  assume_role_policy = data.aws_iam_policy_document.ecs.json
}

data "aws_iam_policy_document" "start" {
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["arn:aws:ecr:${var.region}:${data.aws_caller_identity.current.account_id}:repository/*"]
  }
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for group in aws_cloudwatch_log_group.workload : "${group.arn}:*"]
  }
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.each : secret.arn]
  }
  statement {
    actions   = ["ssm:GetParameters"]
    resources = [aws_ssm_parameter.collector.arn]
  }
}

resource "aws_iam_role_policy" "start" {
  name   = "start"
  role   = aws_iam_role.start.id
  policy = data.aws_iam_policy_document.start.json
}

# ---------------------------------------------------------------- running

resource "aws_iam_role" "workload" {
  for_each           = local.workloads
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.ecs.json
}

data "aws_iam_policy_document" "workload" {
  for_each = local.workloads

  dynamic "statement" {
    for_each = lookup(local.table_actions, each.key, {})
    content {
      sid       = replace(title(replace(statement.key, "_", " ")), " ", "")
      actions   = [for action in statement.value : "dynamodb:${action}"]
      resources = [aws_dynamodb_table.each[statement.key].arn]
    }
  }

  dynamic "statement" {
    for_each = each.value.is_job ? [aws_efs_access_point.job[each.key].arn] : []
    content {
      sid       = "Checkpoints"
      actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
      resources = [aws_efs_file_system.checkpoints.arn]
      condition {
        test     = "StringEquals"
        variable = "elasticfilesystem:AccessPointArn"
        values   = [statement.value]
      }
    }
  }

  # The collector beside it.
  statement {
    sid       = "Traces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }
  statement {
    sid       = "Metrics"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.metrics.arn}:*"]
  }
}

resource "aws_iam_role_policy" "workload" {
  for_each = local.workloads
  name     = "workload"
  role     = aws_iam_role.workload[each.key].id
  policy   = data.aws_iam_policy_document.workload[each.key].json
}
