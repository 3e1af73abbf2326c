import { displayCents, displaySignedCents, percent } from "../core/money.js";
import { byId, setText, setTrend } from "./dom.js";

/** The line of figures above the views: what the account is worth now. */
export function mountFigures(market, account) {
  function show() {
    const value = account.valuation();
    if (!value) return;
    setText(byId("figure-total"), displayCents(value.total));
    setText(byId("figure-cash"), displayCents(value.cash));
    setText(byId("figure-invested"), displayCents(value.invested));
    const share = percent(value.profit, value.cost);
    setText(byId("figure-profit"), displaySignedCents(value.profit) + (share ? ` (${share})` : ""));
    setTrend(byId("figure-profit"), value.profit);
  }
  account.changed.on(show);
  market.moved.on(show);
}
