"""The stand-ins for AWS that scripts/check-deploy applies to, each completed where the provider asks for more.

  moto PORT        moto's server. It makes one member of an ElastiCache group whatever NumCacheClusters says, and
                   describes none, though the provider reads the group's version, subnets and security groups from
                   a member. Here there are as many as were asked for, described by what the group was made with.
  ministack PORT   ministack, for MSK. It describes a cluster by the first version of MSK's API only; the provider
                   asks by the second, whose answer is made here: the same fields, nested as AWS documents them.

What was asked for is answered; of what a plan compares, nothing is made up. Binds to 127.0.0.1.
"""

import json
import os
import sys


def member_of(group, name):
    """Member `name` of the replication group, as DescribeCacheClusters shows it."""
    return {
        "CacheClusterId": name,
        "CacheClusterStatus": "available",
        "ReplicationGroupId": group.replication_group_id,
        "Engine": group.engine,
        "EngineVersion": f"{group.engine_version}.0",  # AWS shows a patch level, which no one asks for
        "CacheNodeType": group.cache_node_type,
        "NumCacheNodes": 1,
        "CacheSubnetGroupName": group.cache_subnet_group_name,
        "SecurityGroups": [{"SecurityGroupId": id, "Status": "active"} for id in group.security_group_ids or []],
        "AtRestEncryptionEnabled": group.at_rest_encryption_enabled,
        "TransitEncryptionEnabled": group.transit_encryption_enabled,
        "ARN": group.arn.replace(f"replicationgroup:{group.replication_group_id}", f"cluster:{name}"),
    }


def serve_moto(port):
    from moto.elasticache.models import ElastiCacheBackend, ReplicationGroup
    from moto.server import main

    describe = ElastiCacheBackend.describe_cache_clusters
    set_members = ReplicationGroup._set_node_members_clusters_disabled

    def set_node_members(self, num_cache_clusters, replicas_per_node_group, **others):
        replicas = replicas_per_node_group or num_cache_clusters - 1
        set_members(self, num_cache_clusters=num_cache_clusters, replicas_per_node_group=replicas, **others)

    def describe_cache_clusters(self, cache_cluster_id=None):
        for group in self.replication_groups.values():
            if cache_cluster_id in group.member_clusters:
                return [member_of(group, cache_cluster_id)]
        return describe(self, cache_cluster_id)

    ReplicationGroup._set_node_members_clusters_disabled = set_node_members
    ElastiCacheBackend.describe_cache_clusters = describe_cache_clusters
    main(["-H", "127.0.0.1", "-p", port])


# Fields of DescribeClusterV2 that are not of the provisioned cluster below it.
CLUSTER_FIELDS = {"clusterArn", "clusterName", "creationTime", "currentVersion", "state", "tags"}


def second_version(answer):
    """DescribeClusterV2's answer from DescribeCluster's."""
    fields = json.loads(answer)["clusterInfo"]
    cluster = {name: value for name, value in fields.items() if name in CLUSTER_FIELDS}
    provisioned = {name: value for name, value in fields.items() if name not in CLUSTER_FIELDS}
    return json.dumps({"clusterInfo": {**cluster, "clusterType": "PROVISIONED", "provisioned": provisioned}}).encode()


def serve_ministack(port):
    os.environ.update(BIND_HOST="127.0.0.1", GATEWAY_PORT=port)
    from ministack.app import main
    from ministack.services import msk

    handle = msk.handle_request

    async def handle_request(method, path, headers, body, query):
        first = path.replace("/api/v2/clusters/", "/v1/clusters/", 1) if method == "GET" else path
        status, fields, answer = await handle(method, first, headers, body, query)
        if first != path and status == 200:
            answer = second_version(answer)
        return status, fields, answer

    msk.handle_request = handle_request
    sys.argv = ["ministack"]  # main reads arguments of its own
    main()


if __name__ == "__main__":
    {"moto": serve_moto, "ministack": serve_ministack}[sys.argv[1]](sys.argv[2])
