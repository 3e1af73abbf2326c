// One job: its graph, its subtasks, checkpoints, failures, settings and log.

import { api, get } from "./api.js";
import { ask } from "./ask.js";
import { bars, Series, spark } from "./charts.js";
import { badge, h, show, table } from "./dom.js";
import { age, bytes, latency, orDash, percent, rate, time } from "./format.js";
import { graph } from "./graph.js";

const ENDED = ["FINISHED", "CANCELED", "FAILED"];

export class JobView {
  #id;
  #chosen;
  #said = "";
  #rates = new Series();
  #lags = new Series();
  #parts = {};
  #details;
  #savepoint;
  element = h("div", {});

  constructor(id) {
    this.#id = id;
    for (const name of ["head", "figures", "graph", "subtasks", "checkpoints", "failures", "settings", "log"]) {
      this.#parts[name] = h(name === "head" ? "div" : "section", { hidden: name !== "head" });
    }
    this.#parts.settings.append(this.#lazy("Settings", () => this.#settings()));
    this.#parts.log.append(this.#lazy("Log", () => this.#log()));
    this.element.append(...Object.values(this.#parts));
  }

  async refresh() {
    const base = `/jobs/${this.#id}`;
    const [details, checkpoints, failures] = await Promise.all([get(base), get(`${base}/checkpoints`), get(`${base}/exceptions`)]);
    const vertices = new Map((await Promise.all(details.vertices.map((vertex) => get(`${base}/vertices/${vertex.id}`)))).map((vertex) => [vertex.id, vertex]));
    this.#details = details;
    if (!vertices.has(this.#chosen)) this.#chosen = details.plan.nodes.at(-1)?.id;
    this.#rates.push(details.weir.recordsInPerSecond);
    this.#lags.push(details.weir.lagRecords);
    await this.#followSavepoint();
    this.#head(details);
    this.#figures(details, checkpoints);
    this.#graph(details, vertices);
    this.#checkpoints(checkpoints);
    this.#failures(failures);
    this.#parts.settings.hidden = this.#parts.log.hidden = false;
  }

  #head(details) {
    const isEnded = ENDED.includes(details.state);
    const button = (key, text, kind, act, disabled) => h("button", { class: kind, "data-key": key, disabled, onclick: act }, text);
    show(this.#parts.head,
      h("div", { class: "top" },
        h("h1", {}, details.name), badge(details.weir.status),
        h("div", { class: "actions" },
          button("checkpoint", "Checkpoint", "plain", () => this.#checkpointNow(), details.state !== "RUNNING"),
          button("savepoint", "Savepoint", "plain", () => this.#savepointNow(details), details.state !== "RUNNING"),
          button("rescale", "Rescale", "plain", () => this.#rescale(details), isEnded),
          button("stop", "Stop", "plain", () => this.#stop(details), isEnded),
          button("cancel", "Cancel", "danger", () => this.#cancel(details), isEnded))),
      h("p", { class: "quiet" }, h("span", { class: "mono" }, details.jid), ` · process ${orDash(details.weir.pid)} · ${age(details.duration)}`),
      details.weir.reason ? h("p", { class: "error" }, details.weir.reason) : null,
      h("p", { role: "status" }, this.#said));
  }

  #figures(details, checkpoints) {
    const figure = (name, value, chart) => h("div", {}, h("dt", {}, name), h("dd", {}, value), chart);
    this.#parts.figures.hidden = false;
    show(this.#parts.figures, h("dl", { class: "figures" },
      figure("Records per second", rate(details.weir.recordsInPerSecond), spark(this.#rates, "Records per second of the last minutes")),
      figure("Lag in records", orDash(details.weir.lagRecords), spark(this.#lags, "Lag of the last minutes")),
      figure("Checkpoints", `${checkpoints.counts.completed}`, bars(checkpoints.history.map((one) => one.end_to_end_duration).reverse(), "Durations of the last checkpoints")),
      figure("Last checkpoint", checkpoints.latest.completed ? `${checkpoints.latest.completed.end_to_end_duration} ms` : "–"),
      figure("State", checkpoints.latest.completed ? bytes(checkpoints.latest.completed.state_size) : "–"),
      figure("Restarts", `${details.weir.restarts + details.weir.relaunches}`)));
  }

  #graph(details, vertices) {
    if (details.plan.nodes.length === 0) return;
    const draw = () => {
      show(this.#parts.graph, h("h2", {}, "Graph"), graph(details.plan.nodes, vertices, this.#chosen, (id) => { this.#chosen = id; draw(); }));
      this.#subtasks(vertices.get(this.#chosen));
    };
    this.#parts.graph.hidden = this.#parts.subtasks.hidden = false;
    draw();
  }

  #subtasks(vertex) {
    if (!vertex) return;
    const columns = [
      { title: "Subtask", number: true }, { title: "Status" }, { title: "In", number: true }, { title: "Out", number: true }, { title: "In/s", number: true },
      { title: "Out/s", number: true }, { title: "Busy", number: true }, { title: "Back-pressured", number: true }, { title: "Idle", number: true }, { title: "Watermark" },
    ];
    show(this.#parts.subtasks, h("h2", {}, `Subtasks of ${vertex.name}`), table(columns, vertex.subtasks.map((subtask) => [
      `${subtask.subtask}`, badge(subtask.status), `${subtask.metrics["read-records"]}`, vertex.weir.hasReaders ? `${subtask.metrics["write-records"]}` : "–",
      rate(subtask.weir.recordsInPerSecond), vertex.weir.hasReaders ? rate(subtask.weir.recordsOutPerSecond) : "–", percent(subtask.weir.busy), percent(subtask.weir.backPressured),
      percent(subtask.weir.idle), subtask.weir.watermark === null ? "–" : time(subtask.weir.watermark),
    ]), "Subtasks"), this.#operators(vertex));
  }

  /** What each operator of the chain does, and how long records took to it. */
  #operators(vertex) {
    const columns = [
      { title: "Operator" }, { title: "Kind" }, { title: "In/s", number: true }, { title: "Out/s", number: true }, { title: "Lag", number: true },
      { title: "Latency p50", number: true }, { title: "Latency p99", number: true }, { title: "Latency p99.9", number: true },
    ];
    return [h("h2", {}, `Operators of ${vertex.name}`), table(columns, vertex.weir.operators.map((one) => [
      one.id, one.kind, rate(one.recordsInPerSecond), rate(one.recordsOutPerSecond), orDash(one.lagRecords),
      latency(one.latencyP50Seconds), latency(one.latencyP99Seconds), latency(one.latencyP999Seconds),
    ]), "Operators"),
    h("p", { class: "quiet" }, "Latency from a source to the operator in the last minute or two, of the slowest source and subtask; at a sink it is end to end.")];
  }

  #checkpoints(checkpoints) {
    this.#parts.checkpoints.hidden = false;
    const columns = [
      { title: "Checkpoint", number: true }, { title: "Status" }, { title: "Begun" }, { title: "Duration", number: true }, { title: "Alignment", number: true }, { title: "Pause", number: true },
      { title: "New", number: true }, { title: "State", number: true }, { title: "Subtasks", number: true }, { title: "", wide: true },
    ];
    show(this.#parts.checkpoints, h("h2", {}, "Checkpoints"),
      checkpoints.history.length === 0 ? h("p", { class: "quiet" }, "None yet.") : table(columns, checkpoints.history.slice(0, 15).map((one) => [
        `${one.id}`, badge(one.status), time(one.trigger_timestamp), `${one.end_to_end_duration} ms`, `${one.weir.alignmentMillisMax} ms`,
        one.weir.pauseMicrosMax === null ? "–" : `${(one.weir.pauseMicrosMax / 1000).toFixed(1)} ms`,
        bytes(one.checkpointed_size), bytes(one.state_size), `${one.num_acknowledged_subtasks}/${one.num_subtasks}`, one.failure_message ?? (one.is_savepoint ? `savepoint ${one.external_path}` : ""),
      ]), "Checkpoints"));
  }

  #failures(failures) {
    this.#parts.failures.hidden = false;
    const entries = failures.exceptionHistory.entries;
    show(this.#parts.failures, h("h2", {}, "Failures"),
      entries.length === 0 ? h("p", { class: "quiet" }, "None.") : table(
        [{ title: "When" }, { title: "Where" }, { title: "What", wide: true }],
        entries.map((entry) => [time(entry.timestamp), entry.taskName, `${entry.exceptionName}: ${entry.stacktrace}`]), "Failures"),
      h("h2", {}, "History"),
      table([{ title: "When" }, { title: "What", wide: true }], failures.weir.events.slice(0, 10).map((event) => [time(event.timestamp), event.text]), "History"));
  }

  #lazy(title, load) {
    const content = h("div", {});
    return h("details", { ontoggle: async (event) => {
      if (!event.target.open) return;
      try { show(content, await load()); } catch (error) { show(content, h("p", { class: "error" }, error.message)); }
    } }, h("summary", {}, title), content);
  }

  async #settings() {
    const settings = (await get(`/jobs/${this.#id}/config`))["execution-config"]["user-config"];
    return table([{ title: "Setting" }, { title: "Value", wide: true }], Object.entries(settings).sort().map(([name, value]) => [name, value]), "Settings");
  }

  async #log() { return h("pre", { tabindex: "0" }, (await get(`/jobs/${this.#id}/logs`)) || "Nothing yet."); }

  // What changes a job.

  async #do(said, act) {
    try { await act(); this.#said = said; } catch (error) { this.#said = error.message; }
    if (this.#details) this.#head(this.#details);
  }

  #checkpointNow() { return this.#do("A checkpoint was asked for.", () => api("POST", `/jobs/${this.#id}/checkpoints`, {})); }

  async #savepointNow(details) {
    const folder = await ask({ title: `Savepoint of ${details.name}`, text: "A folder with all of the job's state is written on the server's machine, and kept until somebody deletes it. The job runs on.", yes: "Write a savepoint", field: { label: "Folder", value: "", kind: "text", placeholder: "the server's own" } });
    if (folder === false) return;
    await this.#do("A savepoint is being written.", async () => {
      this.#savepoint = (await api("POST", `/jobs/${this.#id}/savepoints`, folder ? { "target-directory": folder } : {}))["request-id"];
    });
  }

  /** What has become of the savepoint that was asked for here. */
  async #followSavepoint() {
    if (!this.#savepoint) return;
    const request = this.#savepoint;
    try {
      const { status, operation } = await get(`/jobs/${this.#id}/savepoints/${request}`);
      if (status.id !== "COMPLETED") return;
      const cause = operation["failure-cause"];
      this.#said = cause ? `No savepoint: ${cause["stack-trace"]}` : `Savepoint: ${operation.location}`;
    } catch (error) {
      this.#said = `What became of the savepoint cannot be told: ${error.message}`;
    }
    if (this.#savepoint === request) this.#savepoint = undefined;
  }

  async #stop(details) {
    const sure = await ask({ title: `Stop ${details.name}?`, text: "It works off what is in flight, takes a last checkpoint, and ends. Submitted again, it goes on from there.", yes: "Stop the job" });
    if (sure) await this.#do("Stopping.", () => api("POST", `/jobs/${this.#id}/stop`, { drain: true }));
  }

  async #cancel(details) {
    const sure = await ask({ title: `Cancel ${details.name}?`, text: "It ends at once, without a further checkpoint: what came after the last one is done again when it is submitted again.", yes: "Cancel the job", danger: true });
    if (sure) await this.#do("Cancelling.", () => api("PATCH", `/jobs/${this.#id}?mode=cancel`));
  }

  async #rescale(details) {
    const answer = await ask({ title: `Rescale ${details.name}`, text: "It stops with a checkpoint and starts again with the new parallelism.", yes: "Rescale", field: { label: "Parallelism", value: `${details.weir.parallelism}`, kind: "numeric" } });
    if (answer) await this.#do("Rescaling.", () => api("PATCH", `/jobs/${this.#id}/rescaling?parallelism=${encodeURIComponent(answer)}`));
  }
}
