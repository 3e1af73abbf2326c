# Checkpoints are files: every job has a folder of its own on EFS, which outlives its task. Locks on it are
# real, so that a second task of a job is refused while the first one lives. No backups are made: a checkpoint is
# worth something only together with Kafka's decision topic, and an old one must not come back.

resource "aws_efs_file_system" "checkpoints" {
  creation_token   = "${var.name}-checkpoints"
  encrypted        = true
  performance_mode = "generalPurpose"
  throughput_mode  = "elastic"
  tags             = { Name = "${var.name}-checkpoints" }
}

resource "aws_efs_mount_target" "checkpoints" {
  count           = 3
  file_system_id  = aws_efs_file_system.checkpoints.id
  subnet_id       = aws_subnet.private[count.index].id
  security_groups = [aws_security_group.each["checkpoints"].id]
}

resource "aws_efs_access_point" "job" {
  for_each       = local.jobs
  file_system_id = aws_efs_file_system.checkpoints.id

  posix_user {
    uid = 1000
    gid = 1000
  }

  root_directory {
    path = "/${each.key}"
    creation_info {
      owner_uid   = 1000
      owner_gid   = 1000
      permissions = "0700"
    }
  }

  tags = { Name = "${var.name}-${each.key}" }
}
