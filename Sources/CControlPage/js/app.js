// Which view is shown, and keeping it fresh: once a second while the page is visible.

import { get, Refused, setToken } from "./api.js";
import { h, show } from "./dom.js";
import { jobsView } from "./jobs.js";
import { JobView } from "./job.js";

const main = document.getElementById("main");
const link = document.getElementById("link");
let job;

const route = () => /^#\/jobs\/([0-9a-f]{32})$/.exec(location.hash)?.[1];

async function refresh() {
  const id = route();
  const overview = await get("/overview");
  document.getElementById("cluster").textContent =
    `${overview["jobs-running"]} running · ${overview["jobs-finished"]} finished · ${overview["jobs-cancelled"]} cancelled · ${overview["jobs-failed"]} failed`;
  if (!id) {
    job = undefined;
    show(main, jobsView((await get("/jobs/overview")).jobs));
    return;
  }
  if (job?.id !== id) {
    job = { id, view: new JobView(id) };
    show(main, h("p", {}, h("a", { href: "#/" }, "← All jobs")), job.view.element);
  }
  await job.view.refresh();
}

function askForToken() {
  const input = h("input", { type: "password", autocomplete: "off", id: "token", required: true });
  show(main, h("section", {}, h("h1", {}, "This server asks for a token"),
    h("form", { onsubmit: (event) => { event.preventDefault(); setToken(input.value.trim()); show(main); tick(); } },
      h("p", {}, h("label", { for: "token" }, "Token "), input, " ", h("button", {}, "Use it")))));
  input.focus();
}

let timer;
async function tick() {
  clearTimeout(timer);
  try {
    await refresh();
    link.textContent = "";
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return askForToken();
    link.textContent = error instanceof Refused ? error.message : "The server does not answer; trying again.";
    if (error instanceof Refused && error.status === 404 && route()) {
      job = undefined;
      show(main, h("p", {}, h("a", { href: "#/" }, "← All jobs")), h("p", { class: "error" }, error.message));
    }
  }
  timer = setTimeout(tick, document.hidden ? 10_000 : 1000);
}

addEventListener("hashchange", () => { tick(); main.focus({ preventScroll: true }); });
addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
tick();
