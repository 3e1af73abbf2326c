// The life of one order as this page knows it: a pure state machine. An order is a plain object that can be stored
// as JSON; `next` returns the one after an event.
//
//   SENDING ──accepted──► PENDING ──outcome──► FILLED | REJECTED
//      │  ▲
//      │  └──resend── RETRYING | UNSURE      the same key and bytes: the server answers as it did the first time
//      ├──unanswered──► RETRYING, after ATTEMPTS_MAX of them UNSURE (waits for the user)
//      └──refused──► REFUSED                 never became an order

import { delayMillis } from "./backoff.js";

export const ATTEMPTS_MAX = 8;
const RETRY = { baseMillis: 400, capMillis: 10_000 };
const POLL = { baseMillis: 200, capMillis: 4_000 };

/** A new order, about to be sent for the first time. `key` is its Idempotency-Key for good. */
export function begin({ key, body, placedAt, summary }) {
  return { key, body, placedAt, ...summary, state: "SENDING", attempts: 1, retryAt: null };
}

export function next(order, event, now, random = Math.random) {
  switch (event.type) {
    case "accepted":
      return isUnanswered(order) ? { ...order, state: "PENDING", orderId: event.orderId, polls: 0 } : order;
    case "refused":
      return isUnanswered(order) ? { ...order, state: "REFUSED", title: event.title, detail: event.detail } : order;
    case "unanswered": {
      if (order.state !== "SENDING") return order;
      if (order.attempts >= ATTEMPTS_MAX) return { ...order, state: "UNSURE", detail: event.detail, retryAt: null };
      const wait = Math.max(event.retryAfterMillis ?? 0, delayMillis(order.attempts, RETRY, random));
      return { ...order, state: "RETRYING", detail: event.detail, retryAt: now + wait };
    }
    case "resend": {
      if (!isUnanswered(order)) return order;
      const attempts = order.state === "UNSURE" ? 1 : order.attempts + 1;
      return { ...order, state: "SENDING", attempts, retryAt: null };
    }
    case "filled":
      return order.state === "PENDING" ? { ...order, state: "FILLED", price: event.price, notional: event.notional } : order;
    case "rejected":
      return order.state === "PENDING" ? { ...order, state: "REJECTED", reason: event.reason, detail: event.detail } : order;
    default:
      throw new TypeError(`no such event: ${event.type}`);
  }
}

/** Whether the page has yet to hear what the server made of it. */
export function isUnanswered(order) {
  return order.state === "SENDING" || order.state === "RETRYING" || order.state === "UNSURE";
}

/** Whether nothing more will happen to it. */
export function isFinal(order) {
  return order.state === "FILLED" || order.state === "REJECTED" || order.state === "REFUSED";
}

/** How long to wait before asking for the outcome the `polls`-th time. */
export function pollDelayMillis(polls, random = Math.random) {
  return delayMillis(polls, POLL, random);
}

const REASONS = {
  INSUFFICIENT_FUNDS: "Not enough cash",
  INSUFFICIENT_HOLDINGS: "Not enough shares",
  UNKNOWN_SYMBOL: "Symbol not traded here",
  STALE_PRICE: "No recent price",
  LIMIT_NOT_MET: "Limit not met",
  UNKNOWN_USER: "No account",
  CONFLICT: "The portfolio kept changing",
  INVALID_ORDER: "The order makes no sense",
};

/** A rejection's reason for people; an unknown one as it is. */
export function reasonText(reason) {
  return REASONS[reason] ?? reason;
}
