// Small lines over the last minutes, kept by this page alone.

import { s } from "./dom.js";

const KEPT = 180;

export class Series {
  #values = [];
  /** Undefined or null: not known then. */
  push(value) { this.#values.push(value); if (this.#values.length > KEPT) this.#values.shift(); }
  get values() { return this.#values; }
}

/** Pure: a path in a box of 100 × 30, the largest value at its top; it is interrupted where a value is not known. */
export function path(values) {
  if (values.length < 2) return "";
  const isKnown = (value) => value !== null && value !== undefined;
  const top = Math.max(...values.filter(isKnown), 1e-9);
  return values.map((value, index) => (isKnown(value)
    ? `${index && isKnown(values[index - 1]) ? "L" : "M"}${((index / (values.length - 1)) * 100).toFixed(2)} ${(29 - (value / top) * 28).toFixed(2)}`
    : "")).join("");
}

export const spark = (series, label) =>
  s("svg", { class: "spark", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": label }, s("path", { d: path(series.values) }));

/** A bar per checkpoint, oldest left. */
export function bars(values, label) {
  const top = Math.max(...values, 1);
  return s("svg", { class: "spark", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": label },
    values.map((value, index) => s("rect", {
      class: "bar-idle bars", x: (index / values.length) * 100, width: 100 / values.length, y: 30 - (value / top) * 29, height: (value / top) * 29,
    })));
}
