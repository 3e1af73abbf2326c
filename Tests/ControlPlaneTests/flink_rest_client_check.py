"""Flink's REST API as PyPI's flink-rest-client uses it, against a weir server.

    python flink_rest_client_check.py HOST PORT JOB_ID

The job runs, has several subtasks and decided checkpoints. It is cancelled at the end. Prints what was checked; a failed
check ends with its traceback.
"""

import os
import sys
import tempfile
import time

from flink_rest_client import FlinkRestClient
from flink_rest_client.common import RestException

host, port, job_id = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = FlinkRestClient.get(host=host, port=port)
jobs = client.jobs
done = []


def check(name, holds, seen):
    assert holds, f"{name}: {seen!r}"
    done.append(name)


overview = client.overview()
check("overview", overview["jobs-running"] >= 1 and overview["taskmanagers"] >= 1, overview)
check("config", client.config()["features"]["web-cancel"] is True, client.config())
check("job ids", job_id in jobs.job_ids(), jobs.job_ids())
listed = [job for job in jobs.overview() if job["jid"] == job_id]
check("jobs overview", listed[0]["state"] == "RUNNING" and listed[0]["tasks"]["running"] > 0, listed)

details = jobs.get(job_id)
check("details", details["state"] == "RUNNING" and details["vertices"], details)
plan = jobs.get_plan(job_id)
check("plan", [node["id"] for node in plan["nodes"]] == jobs.get_vertex_ids(job_id), plan)
check("a hash edge", any(i["ship_strategy"] == "HASH" for n in plan["nodes"] for i in n.get("inputs", [])), plan)
check("job config", "parallelism" in jobs.get_config(job_id)["execution-config"]["user-config"], None)
check("exceptions", jobs.get_exceptions(job_id)["exceptionHistory"]["entries"] == [], None)
check("accumulators", jobs.get_accumulators(job_id)["job-accumulators"] == [], None)
check("execution result", jobs.get_execution_result(job_id)["status"]["id"] == "IN_PROGRESS", None)
check("metric names", "numRestarts" in jobs.metric_names(), jobs.metric_names())
check("metrics", jobs.metrics(metric_names=["numRestarts"])["numRestarts"]["max"] == 0, None)
own = jobs.get_metrics(job_id, ["numberOfCompletedCheckpoints"])
check("job metrics", int(own["numberOfCompletedCheckpoints"]) > 0, own)

checkpointing = jobs.get_checkpointing_configuration(job_id)
check("checkpoint config", checkpointing["mode"] == "exactly_once" and checkpointing["interval"] == 100, checkpointing)
checkpoints = jobs.get_checkpoints(job_id)
check("checkpoints", checkpoints["counts"]["completed"] > 0 and checkpoints["latest"]["completed"], checkpoints["counts"])
last = checkpoints["latest"]["completed"]["id"]
detail = jobs.get_checkpoint_details(job_id, last, show_subtasks=True)
check("checkpoint details", detail["status"] == "COMPLETED" and set(detail["subtasks"]) == set(detail["tasks"]), detail)
check("checkpoint subtasks", all(s["subtasks"][0]["status"] == "completed" for s in detail["subtasks"].values()), detail)

for vertex_id in jobs.get_vertex_ids(job_id):
    vertex = jobs.get_vertex(job_id, vertex_id)
    check("vertex", vertex.details()["subtasks"][0]["status"] == "RUNNING", vertex.details())
    check("back-pressure", vertex.backpressure()["status"] == "ok", vertex.backpressure())
    check("subtask times", vertex.subtasktimes()["subtasks"], None)
    check("task managers", len(vertex.taskmanagers()["taskmanagers"]) == 1, None)
    check("watermarks", isinstance(vertex.watermarks(), list), None)
    moved = vertex.metrics(["0.numRecordsIn", "0.numRecordsOut"])
    check("vertex metrics", sum(float(value) for value in moved.values()) > 0, moved)
    subtasks = vertex.subtasks
    check("subtask ids", subtasks.subtask_ids() == list(range(vertex.details()["parallelism"])), subtasks.subtask_ids())
    sums = subtasks.metrics(metric_names=["numRecordsIn", "numRecordsOut"])
    check("subtask metrics", sum(one["sum"] for one in sums.values()) > 0, sums)
    check("subtask", subtasks.get(0)["status"] == "RUNNING", subtasks.get(0))

try:
    jobs.get("0" * 32)
    check("an unknown job", False, None)
except RestException as error:
    check("an unknown job", "404" in str(error) and "there is no job" in str(error), str(error))

with tempfile.TemporaryDirectory() as folder:
    trigger = jobs.create_savepoint(job_id, folder)
    deadline = time.time() + 30
    while trigger.status["status"]["id"] == "IN_PROGRESS":
        assert time.time() < deadline, trigger.status
        time.sleep(0.1)
    location = trigger.status["operation"]["location"]
    check("savepoint", os.path.dirname(location) == folder, trigger.status)
    check("its manifest", os.path.exists(location + "/savepoint.manifest"), os.listdir(folder))

check("cancel", jobs.terminate(job_id), None)
deadline = time.time() + 30
while jobs.get(job_id)["state"] != "CANCELED":
    assert time.time() < deadline, jobs.get(job_id)["state"]
    time.sleep(0.1)
check("cancelled", jobs.get_execution_result(job_id)["job-execution-result"]["application-status"] == "CANCELED", None)
print(f"{len(done)} checks passed")
