import { display } from "../core/money.js";
import { extent, linear, linePath, ticks } from "../core/scale.js";
import { s } from "./dom.js";
import { minute, time } from "./format.js";

const SPAN_MILLIS = 300_000;
const GAP_MILLIS = 5_000;
const MARGIN = { top: 8, right: 64, bottom: 22, left: 8 };

/**
 * The last minutes of one price as a line.
 * @param cost average cost of a share held, in units as a Number, drawn as a dashed line; or null
 */
export function drawPriceChart(figure, { symbol, samples, cost, now }) {
  const { clientWidth: width, clientHeight: height } = figure;
  const seen = samples.filter((sample) => sample.at >= now - SPAN_MILLIS);
  if (width === 0 || seen.length === 0) return figure.replaceChildren();
  // The time axis grows with what there is: a minute at first, five at last.
  const from = Math.max(now - SPAN_MILLIS, Math.min(seen[0].at, now - 60_000));
  const domain = extent(seen.map((sample) => sample.value), 0.15, 50);
  const x = linear([from, now], [MARGIN.left, width - MARGIN.right]);
  const y = linear(domain, [height - MARGIN.bottom, MARGIN.top]);
  const last = seen.at(-1);
  const label = `${symbol}: ${seen.length > 1 ? `from ${price(seen[0].value)} at ${time(seen[0].at)} to ` : ""}${price(last.value)} at ${time(last.at)}`;
  const root = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });

  for (const value of ticks(domain, 4)) {
    root.append(
      s("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      s("text", { class: "axis", x: width - MARGIN.right + 8, y: y(value), dy: "0.32em" }, price(value)));
  }
  const every = now - from > 120_000 ? 60_000 : 15_000;
  for (let at = Math.ceil(from / every) * every; at <= now; at += every) {
    if (x(at) < 24 || x(at) > width - MARGIN.right - 8) continue;
    root.append(s("text", { class: "axis", x: x(at), y: height - 4, "text-anchor": "middle" }, every < 60_000 ? time(at) : minute(at)));
  }
  if (cost !== null && cost > domain[0] && cost < domain[1]) {
    root.append(
      s("line", { class: "cost-line", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(cost), y2: y(cost) }),
      s("text", { class: "axis cost-label", x: MARGIN.left + 2, y: y(cost) - 5 }, "your average cost"));
  }
  const points = seen.map(({ at, value }) => [x(at), y(value), at]);
  root.append(s("path", { class: "price-line", d: linePath(points, GAP_MILLIS) }));
  root.append(s("circle", { class: "price-dot", cx: x(last.at), cy: y(last.value), r: 3.5 }));
  figure.replaceChildren(root);
}

function price(value) {
  return display(BigInt(Math.round(value)));
}
