import { displayCents, grouped } from "../core/money.js";
import * as wire from "../io/wire.js";
import { byId, h, s } from "./dom.js";

/** The symbols traded most, as bars. */
export function mountTop(api) {
  const place = byId("top");
  const control = byId("top-by");
  const ranking = () => control.querySelector("input:checked").value;

  async function load() {
    const by = ranking();
    try {
      const totals = wire.ranking(await api.get("/v1/analytics/top", { by }));
      if (by === ranking()) show(totals, by);
    } catch (error) {
      place.replaceChildren(h("p", { className: "failure", textContent: `${error.title ?? "No ranking"}: ${error.message}` }));
    }
  }

  function show(totals, by) {
    if (totals.length === 0) {
      place.replaceChildren(h("p", { className: "empty", textContent: "Nothing was traded yet." }));
      return;
    }
    const measure = (total) => (by === "volume" ? total.shares : total.notional);
    const most = measure(totals[0]);
    place.replaceChildren(h("ol", { className: "ranking" }, ...totals.map((total) => {
      const share = Number((measure(total) * 1000n) / (most > 0n ? most : 1n)) / 10;
      return h("li", {},
        h("span", { className: "ranking-symbol", textContent: total.symbol }),
        s("svg", { class: "ranking-bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
          s("rect", { width: Math.max(share, 0.5), height: 8 })),
        h("span", { className: "ranking-figure", textContent: by === "volume" ? grouped(total.shares) : displayCents(total.notional) }),
        h("span", { className: "ranking-trades", textContent: `${grouped(total.trades)} trades` }));
    })));
  }

  control.addEventListener("change", load);
  return { load };
}
