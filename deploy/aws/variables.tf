variable "name" {
  description = "Prefix of every resource's name; two deployments of one account differ in it."
  type        = string
  default     = "weir"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.name))
    error_message = "name: 1 to 16 of a-z, 0-9 and '-', beginning with a letter."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

variable "tags" {
  description = "Tags of every resource, beside application and deployment."
  type        = map(string)
  default     = {}
}

variable "image" {
  description = "Container image whose entry point is the weir executable, for example an ECR URI with a digest."
  type        = string
}

variable "cpu_architecture" {
  description = "What the image was built for."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture: X86_64 or ARM64."
  }
}

# ------------------------------------------------------------------ network

variable "vpc_cidr" {
  description = "Addresses of the deployment's own VPC; three public and three private subnets are cut from it."
  type        = string
  default     = "10.40.0.0/16"
}

variable "availability_zones" {
  description = "Three zones of the region."
  type        = list(string)
  default     = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]

  validation {
    condition     = length(var.availability_zones) == 3
    error_message = "availability_zones: exactly three, because Kafka keeps three replicas in different zones."
  }
}

variable "certificate_arn" {
  description = "ACM certificate of the public WebSocket endpoint. Null: live prices over WebSocket are not published."
  type        = string
  default     = null
}

variable "jwt" {
  description = "Who mints tokens: issuer, audience and public keys (the text of its JWKS). API Gateway checks tokens against the issuer, the gateway service against the keys. Null: tokens are signed with a generated key, and only the gateway service checks them."
  type        = object({ issuer = string, audience = string, key_set = string })
  default     = null
}

variable "throttle" {
  description = "Requests a second and burst of the whole API, in front of the gateway's limit per user."
  type        = object({ rate = number, burst = number })
  default     = { rate = 2000, burst = 4000 }
}

# ------------------------------------------------------------------ stores

variable "managed_stores" {
  description = "True: MSK, ElastiCache and OpenSearch are made here. False: they exist elsewhere, and external_stores says where."
  type        = bool
  default     = true
}

variable "external_stores" {
  description = "With managed_stores = false: bootstrap servers (host:port,...), client properties beside credentials, and the URLs of Redis and of the history."
  type = object({
    kafka            = string
    kafka_properties = optional(string, "security.protocol=PLAINTEXT")
    prices           = string
    history          = string
  })
  default   = null
  sensitive = true

  validation {
    condition     = var.managed_stores || var.external_stores != null
    error_message = "external_stores: managed_stores is false, so say where Kafka, Redis and Elasticsearch are."
  }
}

variable "analytics_url" {
  description = "clickhouse:// URL of the analytics database: ClickHouse Cloud, or servers of your own (README)."
  type        = string
  sensitive   = true
}

variable "search_password" {
  description = "With managed_stores: password of OpenSearch's user 'weir'. OpenSearch takes it in clear, so it is in the state: keep the state encrypted."
  type        = string
  sensitive   = true
  default     = null

  validation {
    condition     = !var.managed_stores || try(length(var.search_password) >= 16, false)
    error_message = "search_password: at least 16 characters when managed_stores is true."
  }
}

variable "secret_generation" {
  description = "Raise it to write all secrets anew: generated ones are renewed, given URLs are taken over."
  type        = number
  default     = 1
}

variable "deletion_protection" {
  description = "Protects the DynamoDB tables, the source of truth, from being deleted."
  type        = bool
  default     = true
}

variable "kafka_broker" {
  description = "MSK broker type and its disk in GiB; three brokers are made."
  type        = object({ type = string, disk_gib = number })
  default     = { type = "kafka.m7g.large", disk_gib = 500 }
}

variable "cache_node_type" {
  description = "ElastiCache node type; two nodes in different zones are made."
  type        = string
  default     = "cache.t4g.medium"
}

variable "search_node" {
  description = "OpenSearch data node type and its disk in GiB; three nodes are made."
  type        = object({ type = string, disk_gib = number })
  default     = { type = "r7g.large.search", disk_gib = 200 }
}

# ------------------------------------------------------------------ sizes

variable "service_count" {
  description = "Tasks of each HTTP service."
  type        = map(number)
  default     = { gateway = 2, order = 2, portfolio = 2, query = 2, market-data = 2 }
}

variable "topic_partitions" {
  description = "Partitions of each topic 'weir provision' makes. Fixed by the first record: raising it later moves users to other partitions."
  type        = number
  default     = 12
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps logs."
  type        = number
  default     = 30
}

variable "trace_sample_ratio" {
  description = "Share of requests that are traced, 0 to 1."
  type        = number
  default     = 0.05
}

variable "collector_image" {
  description = "The AWS distribution of the OpenTelemetry collector."
  type        = string
  default     = "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3"
}
