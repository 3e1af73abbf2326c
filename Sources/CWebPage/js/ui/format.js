// How times and orders are written for people, in this machine's time zone.

import { display, grouped, parse } from "../core/money.js";

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const MINUTE = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

export const time = (at) => TIME.format(at);
export const minute = (at) => MINUTE.format(at);
export const day = (at) => DAY.format(at);

/** The time alone today, with its day otherwise. */
export function timeOrDay(at, now = Date.now()) {
  return new Date(at).toDateString() === new Date(now).toDateString() ? time(at) : `${day(at)}, ${time(at)}`;
}

export const side = (name) => (name === "BUY" ? "Buy" : "Sell");

/** "Buy 1,000 AAPL" */
export function orderText(order) {
  return `${side(order.side)} ${grouped(order.quantity)} ${order.symbol}`;
}

/** An amount that came as text. */
export const amountText = (text) => display(parse(text).units);
