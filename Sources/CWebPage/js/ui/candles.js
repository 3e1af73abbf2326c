import { display } from "../core/money.js";
import { extent, linear, ticks } from "../core/scale.js";
import { s } from "./dom.js";
import { day, minute } from "./format.js";

const MARGIN = { top: 10, right: 64, bottom: 24, left: 8 };
const VOLUME_SHARE = 0.22;

/**
 * Candles with the volume-weighted average price as a line and volume as columns, one slot an interval.
 * @param range {from, to, intervalMillis}
 * @param chosen index into `bars` of the marked one, or null
 * @returns a function from a pixel to the index of the nearest bar, or null for none
 */
export function drawCandles(figure, { bars, range, chosen, label }) {
  const { clientWidth: width, clientHeight: height } = figure;
  if (width === 0) return null;
  const root = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  figure.replaceChildren(root);
  if (bars.length === 0) return null;
  const numbers = bars.map((bar) => ({
    at: bar.at + range.intervalMillis / 2, shares: Number(bar.shares), vwap: Number(bar.vwap),
    open: Number(bar.open), high: Number(bar.high), low: Number(bar.low), close: Number(bar.close),
  }));
  const floor = height - MARGIN.bottom;
  const volumeTop = floor - (floor - MARGIN.top) * VOLUME_SHARE;
  const x = linear([range.from, range.to], [MARGIN.left, width - MARGIN.right]);
  const domain = extent(numbers.flatMap(({ high, low }) => [high, low]), 0.08, 50);
  const y = linear(domain, [volumeTop - 10, MARGIN.top]);
  const volume = linear([0, Math.max(...numbers.map(({ shares }) => shares))], [floor, volumeTop]);
  const slot = x(range.from + range.intervalMillis) - x(range.from);
  const body = Math.max(1, Math.min(14, slot * 0.64));

  for (const value of ticks(domain, 5)) {
    root.append(
      s("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      s("text", { class: "axis", x: width - MARGIN.right + 8, y: y(value), dy: "0.32em" }, display(BigInt(Math.round(value)))));
  }
  root.append(...timeAxis(range, x, width, height));
  if (chosen !== null) {
    const at = x(numbers[chosen].at);
    root.append(s("line", { class: "crosshair", x1: at, x2: at, y1: MARGIN.top, y2: floor }));
  }
  numbers.forEach((bar, index) => {
    const at = x(bar.at);
    const trend = bar.close >= bar.open ? "rise" : "fall";
    const top = y(Math.max(bar.open, bar.close));
    const group = s("g", { class: `candle ${trend}${index === chosen ? " chosen" : ""}` },
      s("rect", { class: "volume", x: at - body / 2, width: body, y: volume(bar.shares), height: floor - volume(bar.shares) }),
      s("line", { x1: at, x2: at, y1: y(bar.high), y2: y(bar.low) }),
      s("rect", { x: at - body / 2, width: body, y: top, height: Math.max(1, y(Math.min(bar.open, bar.close)) - top) }));
    root.append(group);
  });
  root.append(s("polyline", { class: "vwap", points: numbers.map(({ at, vwap }) => `${x(at).toFixed(1)},${y(vwap).toFixed(1)}`).join(" ") }));
  return (pixel) => nearest(numbers.map(({ at }) => x(at)), pixel);
}

function timeAxis(range, x, width, height) {
  const span = range.to - range.from;
  const wanted = Math.max(2, Math.floor(width / 110));
  const steps = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880].map((minutes) => minutes * 60_000);
  const step = steps.find((candidate) => span / candidate <= wanted) ?? steps.at(-1);
  const labels = [];
  for (let at = Math.ceil(range.from / step) * step; at <= range.to; at += step) {
    if (x(at) < 24 || x(at) > width - MARGIN.right) continue;
    labels.push(s("text", { class: "axis", x: x(at), y: height - 6, "text-anchor": "middle" }, step >= 86_400_000 ? day(at) : minute(at)));
  }
  return labels;
}

function nearest(positions, pixel) {
  let best = 0;
  positions.forEach((position, index) => {
    if (Math.abs(position - pixel) < Math.abs(positions[best] - pixel)) best = index;
  });
  return best;
}
