import { display, displayCents, displaySigned, percent } from "../core/money.js";
import { sparkline } from "../core/scale.js";
import { byId, h, s, setText, setTrend } from "./dom.js";

const SPARK = { width: 84, height: 28, spanMillis: 60_000, gapMillis: 5_000 };

/**
 * The list of prices. Each row is a radio button in disguise: one stop for the Tab key, arrows move the choice.
 * @param choice {symbol, choose(symbol), changed}
 */
export function mountWatch(market, choice) {
  const list = byId("watch-list");
  const rows = new Map();

  function makeRow(symbol) {
    const input = h("input", { type: "radio", name: "watched", value: symbol });
    const line = s("path", { class: "spark-line" });
    const price = h("span", { className: "watch-price" });
    const change = h("span", { className: "watch-change" });
    const row = h("label", { className: "watch-row" }, input,
      h("span", { className: "watch-symbol", textContent: symbol }),
      s("svg", { class: "spark", viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, "aria-hidden": "true" }, line),
      price, change);
    input.addEventListener("change", () => choice.choose(symbol));
    return { row, input, line, price, change };
  }

  function relist() {
    for (const symbol of market.symbols) if (!rows.has(symbol)) rows.set(symbol, makeRow(symbol));
    list.replaceChildren(...market.symbols.map((symbol) => rows.get(symbol).row));
    mark();
    draw(market.symbols);
  }

  function mark() {
    for (const [symbol, { input, row }] of rows) {
      input.checked = symbol === choice.symbol;
      // On narrow screens the list lies on its side: the chosen one is brought into view, without moving the page.
      if (input.checked) list.scrollTo({ left: row.offsetLeft - list.clientWidth / 2 + row.clientWidth / 2 });
    }
  }

  function draw(symbols) {
    const now = Date.now();
    for (const symbol of symbols) {
      const row = rows.get(symbol);
      if (!row) continue;
      const { units, opened } = market.prices.get(symbol);
      setText(row.price, displayCents(units));
      row.price.title = display(units);
      setText(row.change, percent(units - opened, opened) ?? "");
      row.change.title = `${displaySigned(units - opened)} since this page was opened`;
      setTrend(row.change, units - opened);
      row.line.setAttribute("d", sparkline(market.series(symbol), { ...SPARK, now }));
    }
  }

  /** Marks what has not moved for a while; lets the lines move on. */
  function age() {
    const now = Date.now();
    for (const [symbol, { row }] of rows) row.classList.toggle("stale", market.isStale(symbol, now));
    draw(rows.keys());
  }

  market.listed.on(relist);
  market.moved.on((fresh) => {
    if ([...fresh].some((symbol) => !rows.has(symbol))) relist();
    else draw(fresh);
  });
  choice.changed.on(mark);
  setInterval(age, 1_000);
}
