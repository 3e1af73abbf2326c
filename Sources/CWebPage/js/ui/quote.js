import { display, displaySigned, displaySignedCents, grouped, percent } from "../core/money.js";
import { byId, setText, setTrend } from "./dom.js";
import { drawPriceChart } from "./price-chart.js";

/** The chosen symbol: its price, its last minutes, and what the user holds of it. */
export function mountQuote(market, account, choice) {
  const figure = byId("quote-chart");
  const price = byId("quote-price");
  const change = byId("quote-change");
  const position = byId("quote-position");

  function show() {
    const { symbol } = choice;
    const known = market.prices.get(symbol);
    if (!known || byId("view-trade").hidden) return;
    setText(byId("quote-symbol"), symbol);
    setText(price, display(known.units));
    price.classList.toggle("stale", market.isStale(symbol));
    const moved = known.units - known.opened;
    const stale = market.isStale(symbol) ? ` · no change for ${Math.floor((Date.now() - known.heardAt) / 1000)} s` : "";
    setText(change, `${displaySigned(moved)} (${percent(moved, known.opened)}) since you opened this page${stale}`);
    setTrend(change, moved);
    drawPriceChart(figure, { symbol, samples: market.series(symbol), cost: showPosition(symbol), now: Date.now() });
  }

  /** Writes the position's line; returns the average cost for the chart, or null. */
  function showPosition(symbol) {
    const held = account.valuation()?.positions.find((candidate) => candidate.symbol === symbol);
    if (!held) {
      setText(position, `You hold no ${symbol}.`);
      setTrend(position, null);
      return null;
    }
    const average = held.cost / held.quantity;
    const profit = held.profit === null ? "" : `, ${displaySignedCents(held.profit)} (${percent(held.profit, held.cost)})`;
    setText(position, `You hold ${grouped(held.quantity)} at ${display(average)} on average${profit}`);
    setTrend(position, held.profit);
    return Number(average);
  }

  market.moved.on((fresh) => fresh.has(choice.symbol) && show());
  account.changed.on(show);
  choice.changed.on(show);
  new ResizeObserver(show).observe(figure);
  setInterval(show, 1_000);
}
