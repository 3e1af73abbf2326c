import * as rules from "/js/core/order-rules.js";
import { equal } from "./assert.js";

const draft = (changes) => ({ symbol: "AAPL", side: "BUY", type: "MARKET", quantity: "10", limitPrice: "", ...changes });
const portfolio = { cash: 1_000_0000n, holdings: new Map([["AAPL", { quantity: 5n, cost: 0n }]]) };

export const tests = {
  "quantities are whole shares from 1 to a thousand million": () => {
    equal(rules.readQuantity(" 7 "), { quantity: 7n });
    equal(rules.readQuantity("1000000000"), { quantity: 1_000_000_000n });
    for (const text of ["", "0", "1000000001", "1.5", "-1", "1e3", "ten"]) equal(Object.keys(rules.readQuantity(text)), ["error"]);
  },
  "a market order has no limit price, whatever is typed there": () => {
    const { errors, order } = rules.judge(draft({ limitPrice: "nonsense" }));
    equal([errors, order.limitPrice], [{}, null]);
    equal(rules.body(order), '{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":10}');
  },
  "a limit price goes over the wire in canonical form": () => {
    const { order } = rules.judge(draft({ type: "LIMIT", limitPrice: "189.5" }));
    equal(rules.body(order), '{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":10,"limitPrice":"189.50"}');
  },
  "errors stand at their fields": () => {
    equal(Object.keys(rules.judge(draft({ symbol: "", quantity: "", type: "LIMIT" })).errors), ["quantity", "limitPrice", "symbol"]);
    for (const limitPrice of ["0", "-1", "1.00001", "abc", "99999999999999999999"]) {
      equal(Object.keys(rules.judge(draft({ type: "LIMIT", limitPrice })).errors), ["limitPrice"]);
    }
    equal(Object.keys(rules.judge(draft({ type: "LIMIT", quantity: "1000000000", limitPrice: "9223372.0369" })).errors), ["quantity"]);
  },
  "what an order costs": () => {
    const of = (changes, latest) => rules.estimate(rules.judge(draft(changes)).order, latest);
    equal(of({}, 1_892_501n), 18_925_010n);
    equal(of({}, null), null);
    equal(of({ type: "LIMIT", limitPrice: "190" }, 1_892_501n), 19_000_000n);
    equal(of({ type: "LIMIT", limitPrice: "180", side: "SELL" }, 1_892_501n), 18_925_010n);
  },
  "what speaks against an order": () => {
    const of = (changes, latest = 100_0000n) => {
      const { order } = rules.judge(draft(changes));
      return rules.advice(order, rules.estimate(order, latest), latest, portfolio);
    };
    equal(of({}), null);
    equal(of({ quantity: "11" }), "That is more than your cash.");
    equal(of({ side: "SELL", quantity: "6" }), "You hold 5 AAPL.");
    equal(of({ side: "SELL", quantity: "5" }), null);
    equal(of({ type: "LIMIT", limitPrice: "99.99" }).startsWith("The latest price is worse"), true);
    equal(of({ type: "LIMIT", limitPrice: "100" }), null);
  },
};
