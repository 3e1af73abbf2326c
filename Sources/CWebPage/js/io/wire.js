// The server's JSON turned into values, in one place. Amounts become BigInt units; what is missing or malformed is an
// error that names the field, not an undefined somewhere in a view.

import { parse } from "../core/money.js";

export class WireError extends Error {}

function amount(value, field) {
  const { units, fault } = typeof value === "string" ? parse(value) : { fault: "notDecimal" };
  if (fault) throw new WireError(`${field} is no amount: ${JSON.stringify(value)}`);
  return units;
}

function whole(value, field) {
  if (!Number.isSafeInteger(value)) throw new WireError(`${field} is no whole number: ${JSON.stringify(value)}`);
  return BigInt(value);
}

function text(value, field) {
  if (typeof value !== "string") throw new WireError(`${field} is missing`);
  return value;
}

function list(value, field) {
  if (!Array.isArray(value)) throw new WireError(`${field} is no list`);
  return value;
}

/** Epoch milliseconds of an RFC 3339 time. */
function time(value, field) {
  const at = Date.parse(value);
  if (Number.isNaN(at)) throw new WireError(`${field} is no time: ${JSON.stringify(value)}`);
  return at;
}

/** {symbol, units, seq, at}: a price as the socket and GET /v1/prices say it. */
export function price(json) {
  return {
    symbol: text(json.symbol, "symbol"),
    units: amount(json.price, "price"),
    seq: Number(whole(json.seq, "seq")),
    at: typeof json.ts === "number" ? json.ts : time(json.ts, "ts"),
  };
}

export function prices(json) {
  return list(json.prices, "prices").map(price);
}

/** {cash, holdings: Map of symbol → {quantity, cost}, version}. Values at market prices are worked out here, live. */
export function portfolio(json) {
  const holdings = new Map();
  for (const holding of list(json.holdings, "holdings")) {
    const symbol = text(holding.symbol, "symbol");
    holdings.set(symbol, { quantity: whole(holding.quantity, "quantity"), cost: amount(holding.cost, "cost") });
  }
  return { cash: amount(json.cash, "cash"), holdings, version: Number(whole(json.version, "version")) };
}

export function trade(json) {
  return {
    tradeId: text(json.tradeId, "tradeId"),
    orderId: text(json.orderId, "orderId"),
    symbol: text(json.symbol, "symbol"),
    side: text(json.side, "side"),
    quantity: whole(json.quantity, "quantity"),
    price: amount(json.price, "price"),
    notional: amount(json.notional, "notional"),
    at: time(json.executedAt, "executedAt"),
  };
}

/** {trades, next}: `next` is the cursor of the following page, or null. */
export function tradePage(json) {
  return { trades: list(json.trades, "trades").map(trade), next: json.next ?? null };
}

/** The event of core/order-flow.js that an order's status stands for, or null while it is pending. */
export function outcome(json) {
  switch (json.status) {
    case "PENDING":
      return null;
    case "FILLED": {
      const filled = trade(json.trade);
      return { type: "filled", price: json.trade.price, notional: json.trade.notional, trade: filled };
    }
    case "REJECTED":
      return { type: "rejected", reason: text(json.reason, "reason"), detail: json.detail ?? "" };
    default:
      throw new WireError(`status is unknown: ${JSON.stringify(json.status)}`);
  }
}

export function bars(json) {
  return list(json.bars, "bars").map((bar) => ({
    at: time(bar.start, "start"),
    trades: whole(bar.trades, "trades"),
    shares: whole(bar.shares, "shares"),
    notional: amount(bar.notional, "notional"),
    open: amount(bar.open, "open"),
    high: amount(bar.high, "high"),
    low: amount(bar.low, "low"),
    close: amount(bar.close, "close"),
    vwap: amount(bar.vwap, "vwap"),
  }));
}

export function ranking(json) {
  return list(json.symbols, "symbols").map((total) => ({
    symbol: text(total.symbol, "symbol"),
    trades: whole(total.trades, "trades"),
    shares: whole(total.shares, "shares"),
    notional: amount(total.notional, "notional"),
  }));
}
