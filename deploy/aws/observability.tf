# Metrics to CloudWatch, traces to X-Ray: through a collector beside every task (collector.yaml).

resource "aws_cloudwatch_log_group" "metrics" {
  name              = "/${var.name}/metrics"
  retention_in_days = var.log_retention_days
}

resource "aws_ssm_parameter" "collector" {
  name  = "/${var.name}/collector"
  type  = "String"
  tier  = "Standard"
  value = file("${path.module}/collector.yaml")
}

# A job that does not decide epochs any more, for whatever reason, is what somebody must hear about.
resource "aws_cloudwatch_metric_alarm" "no_checkpoints" {
  for_each            = local.jobs
  alarm_name          = "${var.name}-${each.key}-no-checkpoints"
  alarm_description   = "${each.key} has decided no epoch for five minutes: it is paused, restarting or gone. See its log group."
  namespace           = "Weir"
  metric_name         = "weir_checkpoints_completed_total"
  dimensions          = { deployment = var.name, workload = each.key }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
}
