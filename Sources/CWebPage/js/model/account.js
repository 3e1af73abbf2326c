import { Emitter } from "../core/emitter.js";
import { notional } from "../core/money.js";
import { ApiError } from "../io/api.js";
import * as wire from "../io/wire.js";

const REFRESH_MILLIS = 15_000;

/** The user's portfolio, and what it is worth at the latest prices. */
export class Account {
  changed = new Emitter();
  /** "unknown", "none" (no account opened yet), "open" or "failed". */
  state = "unknown";
  portfolio = null;
  error = null;

  #api;
  #market;
  #signal = null;
  #timer = null;

  constructor(api, market) {
    this.#api = api;
    this.#market = market;
  }

  start(signal) {
    this.#signal = signal;
    this.#timer = setInterval(() => document.visibilityState === "visible" && this.refresh(), REFRESH_MILLIS);
    signal.addEventListener("abort", () => {
      clearInterval(this.#timer);
      this.portfolio = null;
      this.#enter("unknown");
    });
    return this.refresh();
  }

  async open() {
    try {
      await this.#api.post("/v1/accounts", {}, { signal: this.#signal });
    } catch (error) {
      // Opened before, in another tab say: just as well.
      if (error.status !== 409) throw error;
    }
    await this.refresh({ consistent: true });
  }

  /** Reads the portfolio. Never throws: a failure is the state "failed" until something is known, then ignored. */
  async refresh({ consistent = false } = {}) {
    const signal = this.#signal;
    try {
      const json = await this.#api.get("/v1/portfolio", consistent ? { consistent: true } : {}, { signal });
      const portfolio = wire.portfolio(json);
      if (signal.aborted) return;
      // An eventually consistent answer may be older than what is shown.
      if (this.portfolio && portfolio.version < this.portfolio.version) return;
      this.portfolio = portfolio;
      this.#enter("open");
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.status === 404) return this.#enter("none");
      this.error = error;
      if (!this.portfolio) this.#enter("failed");
    }
  }

  /**
   * {cash, invested, total, cost, profit, positions}: units at the latest prices; positions hold
   * {symbol, quantity, cost, price, value, profit}, with nulls where there is no price. Null without a portfolio.
   */
  valuation() {
    if (!this.portfolio) return null;
    const positions = [];
    let invested = 0n;
    let cost = 0n;
    let priced = 0n;
    for (const [symbol, holding] of [...this.portfolio.holdings].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const price = this.#market.latest(symbol);
      const value = price === null ? null : notional(price, holding.quantity);
      positions.push({ symbol, ...holding, price, value, profit: value === null ? null : value - holding.cost });
      cost += holding.cost;
      // Without a price a position counts as what was paid for it.
      invested += value ?? holding.cost;
      priced += value === null ? 0n : value - holding.cost;
    }
    const { cash } = this.portfolio;
    return { cash, invested, cost, total: cash + invested, profit: priced, positions };
  }

  #enter(state) {
    this.state = state;
    this.changed.emit();
  }
}
