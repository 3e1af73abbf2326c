// What makes an order sensible, what it costs, and its words on the wire. Pure. The server judges again; this file
// says the same sooner and beside the field concerned.

import { FAULTS, format, notional, parse } from "./money.js";

export const QUANTITY_MAX = 1_000_000_000n;

/** Reads a quantity as typed: {quantity} or {error}. */
export function readQuantity(text) {
  const typed = text.trim();
  if (typed === "") return { error: "Enter how many shares." };
  if (!/^[0-9]+$/.test(typed)) return { error: "Whole shares only, such as 10." };
  const quantity = BigInt(typed);
  if (quantity < 1n) return { error: "The quantity must be at least 1." };
  if (quantity > QUANTITY_MAX) return { error: "The quantity must be at most 1,000,000,000." };
  return { quantity };
}

/** Reads a limit price as typed: {price} in units, or {error}. */
export function readLimitPrice(text) {
  const typed = text.trim();
  if (typed === "") return { error: "Enter the limit price." };
  const { units, fault } = parse(typed);
  if (fault) return { error: `The limit price ${FAULTS[fault]}.` };
  if (units <= 0n) return { error: "The limit price must be above zero." };
  return { price: units };
}

/**
 * Judges a ticket as typed.
 * @param draft {symbol, side: "BUY"|"SELL", type: "MARKET"|"LIMIT", quantity, limitPrice}, all text
 * @returns {errors, order}: errors by field name; `order` with BigInt values when there are none, else null
 */
export function judge(draft) {
  const errors = {};
  const { quantity, error: quantityError } = readQuantity(draft.quantity);
  if (quantityError) errors.quantity = quantityError;
  let limitPrice = null;
  if (draft.type === "LIMIT") {
    const { price, error } = readLimitPrice(draft.limitPrice);
    if (error) errors.limitPrice = error;
    else if (quantity && notional(price, quantity) === null) errors.quantity = "Quantity times price is too large.";
    else limitPrice = price;
  }
  if (!draft.symbol) errors.symbol = "Choose a symbol.";
  if (Object.keys(errors).length > 0) return { errors, order: null };
  return { errors, order: { symbol: draft.symbol, side: draft.side, type: draft.type, quantity, limitPrice } };
}

/**
 * What an order would move at the latest price. A LIMIT buy costs at most its limit, so that is what is shown.
 * Null without a price, or when the amount does not fit.
 */
export function estimate({ side, type, quantity, limitPrice }, latest) {
  const price = type === "LIMIT" && (side === "BUY" || latest === null) ? limitPrice : latest;
  return price === null ? null : notional(price, quantity);
}

/** What speaks against an order as far as this page knows, or null. Advice only: the portfolio shown may be old. */
export function advice(order, amount, latest, portfolio) {
  if (order.type === "LIMIT" && latest !== null) {
    if (order.side === "BUY" ? latest > order.limitPrice : latest < order.limitPrice) {
      return "The latest price is worse than your limit: as it stands the order would be refused.";
    }
  }
  if (!portfolio) return null;
  if (order.side === "BUY" && amount !== null && amount > portfolio.cash) return "That is more than your cash.";
  const held = portfolio.holdings.get(order.symbol)?.quantity ?? 0n;
  if (order.side === "SELL" && order.quantity > held) return `You hold ${held} ${order.symbol}.`;
  return null;
}

/** The request's body. Kept as text: a repetition must send the same bytes. */
export function body({ symbol, side, type, quantity, limitPrice }) {
  const fields = { symbol, side, type, quantity: Number(quantity) };
  if (type === "LIMIT") fields.limitPrice = format(limitPrice);
  return JSON.stringify(fields);
}
