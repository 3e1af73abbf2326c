terraform {
  # 1.11: write-only arguments, so that generated secrets never enter the state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge({ application = "weir", deployment = var.name }, var.tags)
  }
}

data "aws_caller_identity" "current" {}
