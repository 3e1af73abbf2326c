import { display, displayCents, displaySignedCents, grouped, percent } from "../core/money.js";
import { byId, h, s } from "./dom.js";
import { table } from "./table.js";

/** The positions at the latest prices. */
export function portfolioView(market, account, choice) {
  const place = byId("positions");
  let isShown = false;

  function link(symbol) {
    const anchor = h("a", { href: "#/trade", textContent: symbol });
    anchor.addEventListener("click", () => choice.choose(symbol));
    return anchor;
  }

  function columns(total) {
    return [
      { title: "Symbol", text: (p) => link(p.symbol) },
      { title: "Shares", numeric: true, text: (p) => grouped(p.quantity) },
      { title: "Average cost", numeric: true, minor: true, text: (p) => display(p.cost / p.quantity) },
      { title: "Price", numeric: true, minor: true, text: (p) => (p.price === null ? "–" : display(p.price)) },
      { title: "Value", numeric: true, text: (p) => (p.value === null ? "–" : displayCents(p.value)) },
      { title: "Profit / loss", numeric: true, text: profit, trend: (p) => p.profit },
      { title: "Share of account", minor: true, text: (p) => shareBar(p.value ?? p.cost, total) },
    ];
  }

  function show() {
    if (!isShown) return;
    const value = account.valuation();
    if (!value || place.contains(document.activeElement)) return;
    if (value.positions.length === 0) {
      place.replaceChildren(h("p", { className: "empty" }, "You hold no shares yet. ", h("a", { href: "#/trade", textContent: "Place an order" }), " to begin."));
      return;
    }
    place.replaceChildren(table("Positions at the latest prices", columns(value.total), value.positions));
  }

  account.changed.on(show);
  setInterval(show, 1_000);
  return {
    show() {
      isShown = true;
      show();
      account.refresh();
    },
    hide() {
      isShown = false;
    },
  };
}

function profit(position) {
  if (position.profit === null) return "–";
  return h("span", {}, displaySignedCents(position.profit), h("small", { textContent: percent(position.profit, position.cost) ?? "" }));
}

/** A share as a bar with its figure. */
function shareBar(part, total) {
  const share = total > 0n ? Number((part * 1000n) / total) / 10 : 0;
  return h("span", { className: "share" },
    s("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("rect", { class: "share-all", width: 100, height: 6, rx: 3 }),
      s("rect", { class: "share-part", width: Math.max(share, 0.5), height: 6, rx: 3 })),
    `${share.toFixed(1)} %`);
}
