// All jobs of the server.

import { badge, h, table } from "./dom.js";
import { age, orDash, percent, rate, time } from "./format.js";

export function jobsView(jobs) {
  if (jobs.length === 0) {
    return h("section", {}, h("h1", {}, "No jobs yet"),
      h("p", { class: "quiet" }, "Submit one from a terminal: ", h("code", {}, "weir submit JOB --detached"), ". ", h("code", {}, "weir jobs"), " lists what there is."));
  }
  const columns = [
    { title: "Job" }, { title: "Status" }, { title: "Records/s", number: true }, { title: "Lag", number: true }, { title: "Busy", number: true },
    { title: "Back-pressured", number: true }, { title: "Checkpoint", number: true }, { title: "Restarts", number: true }, { title: "Submitted" }, { title: "Age" },
  ];
  const rows = jobs.map((job) => [
    h("a", { href: `#/jobs/${job.jid}`, "data-key": job.jid }, job.name), badge(job.weir.status), rate(job.weir.recordsInPerSecond), orDash(job.weir.lagRecords),
    percent(job.weir.busy), percent(job.weir.backPressured), orDash(job.weir.checkpoint), `${job.weir.restarts + job.weir.relaunches}`,
    time(job["start-time"]), age(job.duration),
  ]);
  const reasons = jobs.filter((job) => job.weir.reason).map((job) => h("p", { class: job.state === "FAILED" ? "error" : "quiet" }, `${job.name}: ${job.weir.reason}`));
  return h("section", {}, h("h2", {}, "Jobs"), table(columns, rows, "Jobs"), reasons);
}
