// The graph of a job: a box per chain, with a bar of how its busiest subtask spends its time.

import { s, h } from "./dom.js";
import { rate, percent } from "./format.js";
import { BOX, layout } from "./layout.js";

const worst = (vertex, part) => Math.max(0, ...vertex.subtasks.map((subtask) => subtask.weir[part]));
const sum = (vertex, part) => vertex.subtasks.reduce((total, subtask) => total + subtask.weir[part], 0);

function clip(text, length) { return text.length > length ? `${text.slice(0, length - 1)}…` : text; }

function box(node, place, vertex, isChosen, choose) {
  const busy = vertex ? worst(vertex, "busy") : 0;
  const back = vertex ? worst(vertex, "backPressured") : 0;
  const inner = BOX.width - 24;
  const bar = (x, share, kind) => s("rect", { x: 12 + x * inner, y: 72, width: Math.max(0, share * inner), height: 8, class: kind });
  const facts = vertex
    ? [`${rate(sum(vertex, "recordsInPerSecond"))}/s in · ${vertex.weir.hasReaders ? `${rate(sum(vertex, "recordsOutPerSecond"))}/s` : "–"} out`,
       `busy ${percent(busy)} · back-pressured ${percent(back)}`]
    : ["", ""];
  const pick = () => choose(node.id);
  return s("g", {
    class: "node", transform: `translate(${place.x} ${place.y})`, tabindex: "0", role: "button", "data-key": `node-${node.id}`,
    "aria-pressed": `${isChosen}`, "aria-label": `${node.description}, ${node.parallelism} subtasks, ${facts.join(", ")}`,
    onclick: pick, onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(); } },
  },
    s("title", {}, node.description),
    s("rect", { class: "box", width: BOX.width, height: BOX.height, rx: 9 }),
    s("text", { class: "title", x: 12, y: 24 }, clip(node.description, 30)),
    s("text", { class: "fact", x: 12, y: 43 }, `× ${node.parallelism}   ${facts[0]}`),
    s("text", { class: "fact", x: 12, y: 61 }, facts[1]),
    bar(0, 1, vertex ? "bar-idle" : "bar-none"), bar(0, Math.min(1, busy), "bar-busy"), bar(Math.min(1, busy), Math.min(1 - Math.min(1, busy), back), "bar-back"));
}

/** nodes: of the plan; vertices: Map id → details; chosen: an id. */
export function graph(nodes, vertices, chosen, choose) {
  const { boxes, width, height } = layout(nodes);
  const edges = nodes.flatMap((node) => (node.inputs ?? []).map((input) => {
    const from = boxes.get(input.id), to = boxes.get(node.id);
    if (!from || !to) return null;
    const x1 = from.x + BOX.width, y1 = from.y + BOX.height / 2, x2 = to.x, y2 = to.y + BOX.height / 2, middle = (x1 + x2) / 2;
    return s("g", {},
      s("path", { class: "edge", d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` }),
      s("text", { class: "ship", x: middle, y: (y1 + y2) / 2 - 6 }, input.ship_strategy));
  }));
  const key = (kind, text) => h("li", {}, s("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, s("rect", { width: 12, height: 12, rx: 2, class: kind })), text);
  return h("div", {},
    h("div", { class: "scroll" },
      s("svg", { class: "graph", viewBox: `-2 -2 ${width + 4} ${height + 4}`, width: Math.min(width + 4, 1140), role: "group", "aria-label": "Graph of the job" },
        edges, nodes.map((node) => box(node, boxes.get(node.id), vertices.get(node.id), node.id === chosen, choose)))),
    h("ul", { class: "legend" }, key("bar-busy", "busy"), key("bar-back", "back-pressured"), key("bar-idle", "idle"), h("li", {}, "of the last second, busiest subtask")));
}
