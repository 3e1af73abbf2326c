output "api_url" {
  description = "Where the HTTP API answers."
  value       = aws_apigatewayv2_stage.main.invoke_url
}

output "websocket_host" {
  description = "Host of live prices; point the certificate's name at it. Null without a certificate."
  value       = one(aws_lb.websocket[*].dns_name)
}

output "tables" {
  description = "DynamoDB tables by what they hold."
  value       = { for name, table in aws_dynamodb_table.each : name => table.name }
}

output "provision_command" {
  description = "Run once after the first apply: makes the topics, the index template and the analytics tables from inside the network."
  value = join(" ", [
    "aws ecs run-task --region ${var.region} --cluster ${aws_ecs_cluster.main.name} --launch-type FARGATE",
    "--task-definition ${aws_ecs_task_definition.workload["provision"].family}",
    "--network-configuration 'awsvpcConfiguration={subnets=[${join(",", aws_subnet.private[*].id)}],securityGroups=[${aws_security_group.each["workloads"].id}]}'",
  ])
}

output "kafka_servers" {
  description = "Bootstrap servers of MSK. Null when Kafka is elsewhere."
  value       = one(aws_msk_cluster.main[*].bootstrap_brokers_sasl_scram)
}
