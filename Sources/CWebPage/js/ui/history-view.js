import { display, displayCents, grouped } from "../core/money.js";
import * as wire from "../io/wire.js";
import { byId, h, setOptions, setText } from "./dom.js";
import { side, timeOrDay } from "./format.js";
import { replaceQuery } from "./router.js";
import { table } from "./table.js";

const PAGE_SIZE = 25;
const FIELDS = ["q", "symbol", "side", "from", "to"];

const COLUMNS = [
  { title: "Time", text: (t) => h("time", { dateTime: new Date(t.at).toISOString(), textContent: timeOrDay(t.at) }) },
  { title: "Side", text: (t) => h("span", { className: `side ${t.side.toLowerCase()}`, textContent: side(t.side) }) },
  { title: "Symbol", text: (t) => t.symbol },
  { title: "Shares", numeric: true, text: (t) => grouped(t.quantity) },
  { title: "Price", numeric: true, spare: true, text: (t) => display(t.price) },
  { title: "Amount", numeric: true, text: (t) => displayCents(t.notional) },
  { title: "Trade", minor: true, text: (t) => h("code", { title: t.tradeId, textContent: t.tradeId.slice(0, 8) }) },
];

/** The searchable history, page by page. */
export function historyView(api, market) {
  const form = byId("filters");
  const fields = form.elements;
  const place = byId("trades");
  const pages = byId("pages");
  /** Cursors of the pages so far; the first page has none. */
  let cursors = [""];
  let running = new AbortController();

  async function load() {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    place.setAttribute("aria-busy", "true");
    try {
      const page = wire.tradePage(await api.get("/v1/trades", { ...question(), cursor: cursors.at(-1) }, { signal }));
      showPage(page);
    } catch (error) {
      if (signal.aborted) return;
      showFailure(error);
    }
    place.removeAttribute("aria-busy");
  }

  function question() {
    return {
      q: fields.q.value.trim(), symbol: fields.symbol.value, side: fields.side.value,
      from: instant(fields.from.value), to: instant(fields.to.value), limit: PAGE_SIZE,
    };
  }

  function showPage({ trades, next }) {
    const filtered = FIELDS.some((name) => fields[name].value !== "");
    place.replaceChildren(trades.length > 0
      ? table("Trades, latest first", COLUMNS, trades)
      : h("p", { className: "empty", textContent: filtered ? "No trades match these filters." : "No trades yet." }));
    setText(byId("announcer"), `${trades.length} trades on page ${cursors.length}.`);
    pages.replaceChildren();
    if (cursors.length === 1 && !next) return;
    pages.append(
      pageButton("Newer", cursors.length > 1, () => cursors.pop()),
      h("span", { textContent: `Page ${cursors.length}` }),
      pageButton("Older", next !== null, () => cursors.push(next)));
  }

  function pageButton(label, isEnabled, turn) {
    const button = h("button", { type: "button", className: "secondary", textContent: label, disabled: !isEnabled });
    button.addEventListener("click", async () => {
      turn();
      await load();
      // The buttons were made anew: the one just used, or else its neighbour, keeps the focus.
      const usable = [...pages.querySelectorAll("button:not([disabled])")];
      (usable.find((other) => other.textContent === label) ?? usable[0])?.focus();
    });
    return button;
  }

  function showFailure(error) {
    const again = h("button", { type: "button", className: "secondary", textContent: "Try again" });
    again.addEventListener("click", load);
    place.replaceChildren(h("div", { className: "failure", role: "alert" },
      h("strong", { textContent: error.title ?? "The history cannot be shown" }), h("p", { textContent: error.message }), again));
    pages.replaceChildren();
  }

  function search() {
    cursors = [""];
    replaceQuery("history", FIELDS.map((name) => [name, fields[name].value]));
    load();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  // The event comes before the fields are emptied.
  form.addEventListener("reset", () => setTimeout(search));
  const relist = () => setOptions(fields.symbol, [{ value: "", label: "All" }, ...market.symbols.map((symbol) => ({ value: symbol, label: symbol }))]);
  market.listed.on(relist);

  return {
    show(query) {
      relist();
      for (const name of FIELDS) fields[name].value = query.get(name) ?? "";
      cursors = [""];
      load();
    },
    hide() {
      running.abort();
    },
  };
}

/** The local time of a datetime-local field as RFC 3339; nothing for nothing. */
function instant(local) {
  return local === "" ? "" : new Date(local).toISOString();
}
