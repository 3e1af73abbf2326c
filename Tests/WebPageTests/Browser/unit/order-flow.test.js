import * as flow from "/js/core/order-flow.js";
import { equal, ok } from "./assert.js";

const middle = () => 0.5;
const begun = () => flow.begin({ key: "k", body: "{}", placedAt: 1, summary: { symbol: "AAPL" } });
const after = (order, ...events) => events.reduce((so_far, event) => flow.next(so_far, event, 1_000, middle), order);

export const tests = {
  "an order that is accepted and filled": () => {
    const filled = after(begun(), { type: "accepted", orderId: "o" }, { type: "filled", price: "1.00", notional: "2.00" });
    equal([filled.state, filled.orderId, filled.price, filled.key], ["FILLED", "o", "1.00", "k"]);
    ok(flow.isFinal(filled), "a filled order is not final");
  },
  "no answer leads to the same key and body again, later and later": () => {
    let order = begun();
    const waits = [];
    for (let attempt = 1; attempt < flow.ATTEMPTS_MAX; attempt += 1) {
      order = after(order, { type: "unanswered", detail: "" });
      equal(order.state, "RETRYING");
      waits.push(order.retryAt - 1_000);
      order = after(order, { type: "resend" });
      equal([order.state, order.key, order.body, order.attempts], ["SENDING", "k", "{}", attempt + 1]);
    }
    ok(waits.every((wait, i) => i === 0 || wait >= waits[i - 1]), `waits ${waits} do not grow`);
    order = after(order, { type: "unanswered", detail: "" });
    equal(order.state, "UNSURE");
    equal(after(order, { type: "resend" }).state, "SENDING");
  },
  "the server's Retry-After is kept to": () => {
    equal(after(begun(), { type: "unanswered", retryAfterMillis: 60_000 }).retryAt, 61_000);
  },
  "an outcome is never undone by an answer that comes late": () => {
    const refused = after(begun(), { type: "refused", title: "t", detail: "d" });
    const rejected = after(begun(), { type: "accepted", orderId: "o" }, { type: "rejected", reason: "LIMIT_NOT_MET", detail: "" });
    for (const order of [refused, rejected]) {
      for (const event of [
        { type: "accepted", orderId: "x" }, { type: "refused" }, { type: "unanswered" }, { type: "resend" }, { type: "filled" },
        { type: "rejected" },
      ]) equal(flow.next(order, event, 0), order);
    }
  },
  "an order survives being stored as JSON in any state": () => {
    const order = after(begun(), { type: "unanswered", detail: "x" });
    equal(after(JSON.parse(JSON.stringify(order)), { type: "resend" }), after(order, { type: "resend" }));
  },
  "a reason without words of its own is shown as it is": () => {
    equal([flow.reasonText("LIMIT_NOT_MET"), flow.reasonText("SOMETHING_NEW")], ["Limit not met", "SOMETHING_NEW"]);
  },
};
