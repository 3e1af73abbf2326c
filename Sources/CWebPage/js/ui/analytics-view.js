import { display, displayCents, grouped } from "../core/money.js";
import * as wire from "../io/wire.js";
import { drawCandles } from "./candles.js";
import { byId, h, setOptions, setText } from "./dom.js";
import { minute, timeOrDay } from "./format.js";
import { replaceQuery } from "./router.js";
import { table } from "./table.js";
import { mountTop } from "./top.js";

const REFRESH_MILLIS = 10_000;
const MINUTE = 60_000;

/** Ranges, each with an interval that makes some sixty to two hundred bars of it. */
const RANGES = {
  "1h": { label: "1 hour", span: 60 * MINUTE, interval: "1m", intervalMillis: MINUTE },
  "6h": { label: "6 hours", span: 360 * MINUTE, interval: "5m", intervalMillis: 5 * MINUTE },
  "24h": { label: "24 hours", span: 1440 * MINUTE, interval: "15m", intervalMillis: 15 * MINUTE },
  "7d": { label: "7 days", span: 10_080 * MINUTE, interval: "1h", intervalMillis: 60 * MINUTE },
};

const COLUMNS = [
  { title: "Time", text: (bar) => timeOrDay(bar.at) },
  { title: "Open", numeric: true, text: (bar) => display(bar.open) },
  { title: "High", numeric: true, text: (bar) => display(bar.high) },
  { title: "Low", numeric: true, text: (bar) => display(bar.low) },
  { title: "Close", numeric: true, text: (bar) => display(bar.close) },
  { title: "VWAP", numeric: true, text: (bar) => display(bar.vwap) },
  { title: "Shares", numeric: true, text: (bar) => grouped(bar.shares) },
  { title: "Trades", numeric: true, text: (bar) => grouped(bar.trades) },
];

/** Candles and volume of one symbol, and the symbols traded most. */
export function analyticsView(api, market, choice) {
  const form = byId("volume-controls");
  const fields = form.elements;
  const figure = byId("candles");
  const top = mountTop(api);
  let bars = [];
  let range = null;
  /** Start of the bar under the crosshair, so that it stays on its bar when new ones come; null is the last. */
  let chosenAt = null;
  let barAt = null;
  let timer = null;
  let running = new AbortController();

  async function load() {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const { span, interval, intervalMillis } = RANGES[fields.range.value];
    const to = (Math.floor(Date.now() / intervalMillis) + 1) * intervalMillis;
    range = { from: to - span, to, intervalMillis };
    const query = { symbol: fields.symbol.value, from: new Date(range.from).toISOString(), to: new Date(to).toISOString(), interval };
    try {
      bars = wire.bars(await api.get("/v1/analytics/volume", query, { signal }));
      draw();
      byId("candles-table").replaceChildren(table(`Bars of ${query.symbol}, latest first`, COLUMNS, [...bars].reverse()));
    } catch (error) {
      if (!signal.aborted) setText(byId("volume-readout"), `${error.title ?? "No figures"}: ${error.message}`);
    }
  }

  function draw() {
    if (!range) return;
    const symbol = fields.symbol.value;
    const found = bars.findIndex((bar) => bar.at === chosenAt);
    const index = bars.length === 0 ? null : found >= 0 ? found : bars.length - 1;
    const label = bars.length === 0 ? `No trades of ${symbol}` : `${symbol}: ${bars.length} bars, ${spoken(bars[index])}`;
    barAt = drawCandles(figure, { bars, range, chosen: found >= 0 ? found : null, label });
    setText(byId("volume-readout"), index === null ? `Nobody traded ${symbol} in this range.` : spoken(bars[index]));
  }

  function spoken(bar) {
    return `${minute(bar.at)}  open ${display(bar.open)}, high ${display(bar.high)}, low ${display(bar.low)}, close ${display(bar.close)}, VWAP ${display(bar.vwap)}, ${grouped(bar.shares)} shares for ${displayCents(bar.notional)}`;
  }

  function choose(index) {
    const at = index === null ? null : bars[Math.min(Math.max(index, 0), bars.length - 1)].at;
    if (at === chosenAt) return;
    chosenAt = at;
    draw();
  }

  figure.tabIndex = 0;
  // Read out while somebody walks the bars; at other times the figures change too often for that.
  figure.addEventListener("focus", () => byId("volume-readout").setAttribute("aria-live", "polite"));
  figure.addEventListener("blur", () => byId("volume-readout").removeAttribute("aria-live"));
  figure.addEventListener("pointermove", (event) => barAt && choose(barAt(event.clientX - figure.getBoundingClientRect().left)));
  figure.addEventListener("pointerleave", () => choose(null));
  figure.addEventListener("keydown", (event) => {
    if (bars.length === 0) return;
    const found = bars.findIndex((bar) => bar.at === chosenAt);
    const index = found >= 0 ? found : bars.length - 1;
    const to = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: bars.length - 1 }[event.key];
    if (event.key === "Escape") choose(null);
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    chosenAt = null;
    replaceQuery("analytics", [["symbol", fields.symbol.value], ["range", fields.range.value]]);
    load();
  });
  new ResizeObserver(draw).observe(figure);
  setOptions(fields.range, Object.entries(RANGES).map(([value, { label }]) => ({ value, label })));

  return {
    show(query) {
      setOptions(fields.symbol, market.symbols.map((symbol) => ({ value: symbol, label: symbol })));
      fields.symbol.value = market.prices.has(query.get("symbol")) ? query.get("symbol") : choice.symbol;
      fields.range.value = query.get("range") in RANGES ? query.get("range") : "1h";
      chosenAt = null;
      load();
      top.load();
      timer = setInterval(() => {
        if (document.visibilityState !== "visible") return;
        load();
        top.load();
      }, REFRESH_MILLIS);
    },
    hide() {
      clearInterval(timer);
      running.abort();
    },
  };
}
