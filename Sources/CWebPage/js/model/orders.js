import { Emitter } from "../core/emitter.js";
import * as flow from "../core/order-flow.js";
import { body } from "../core/order-rules.js";
import { ApiError } from "../io/api.js";
import { local } from "../io/storage.js";
import * as wire from "../io/wire.js";

const KEPT_MAX = 50;

/**
 * The orders placed from this browser. Each is stored before it is sent, with its key and exact bytes, so that a
 * reload, a lost answer or a dead server leads to the same request again and never to a second order.
 */
export class Orders {
  /** Emits the order that changed, and its state before. */
  changed = new Emitter();

  #api;
  #orders = new Map();
  #signal = null;
  #storageKey = null;

  constructor(api) {
    this.#api = api;
  }

  /** Takes up what was left undone. */
  start(userId, signal) {
    this.#signal = signal;
    this.#storageKey = `orders.${userId}`;
    this.#orders = new Map(local.read(this.#storageKey, []).map((order) => [order.key, order]));
    signal.addEventListener("abort", () => this.#orders.clear());
    for (const order of this.#orders.values()) {
      if (flow.isUnanswered(order)) this.resend(order.key);
      else if (order.state === "PENDING") this.#follow(order.key);
    }
  }

  /** Latest first. */
  get all() {
    return [...this.#orders.values()].sort((a, b) => b.placedAt - a.placedAt);
  }

  /** Places a judged order (core/order-rules.js). Returns its key. */
  place(order) {
    const summary = { symbol: order.symbol, side: order.side, kind: order.type, quantity: String(order.quantity) };
    if (order.type === "LIMIT") summary.limitPrice = JSON.parse(body(order)).limitPrice;
    const begun = flow.begin({ key: newKey(), body: body(order), placedAt: Date.now(), summary });
    this.#keep(begun, null);
    this.#send(begun.key);
    return begun.key;
  }

  /** Sends an order that may or may not have arrived once more, under its own key. */
  resend(key) {
    this.#advance(key, { type: "resend" });
    this.#send(key);
  }

  async #send(key) {
    const signal = this.#signal;
    const order = this.#orders.get(key);
    if (order?.state !== "SENDING") return;
    try {
      const answer = await this.#api.post("/v1/orders", order.body, { headers: { "Idempotency-Key": key }, signal });
      this.#advance(key, { type: "accepted", orderId: answer.orderId });
      this.#follow(key);
    } catch (error) {
      if (signal.aborted) return;
      // Signed out: the order stays as it is and is sent when the same user is back.
      if (error.status === 401) return;
      if (error instanceof ApiError && !error.unanswered) {
        this.#advance(key, { type: "refused", title: error.title, detail: error.detail });
        return;
      }
      this.#advance(key, { type: "unanswered", detail: error.message, retryAfterMillis: error.retryAfterMillis });
      const waiting = this.#orders.get(key);
      if (waiting?.state === "RETRYING") this.#later(waiting.retryAt - Date.now(), () => this.resend(key));
    }
  }

  /** Asks for the outcome until there is one. */
  async #follow(key, polls = 1) {
    const signal = this.#signal;
    const order = this.#orders.get(key);
    if (order?.state !== "PENDING") return;
    try {
      const event = wire.outcome(await this.#api.get(`/v1/orders/${encodeURIComponent(order.orderId)}`, {}, { signal }));
      if (event) return this.#advance(key, event);
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      console.warn("The order's status could not be read:", error.message);
    }
    this.#later(flow.pollDelayMillis(polls), () => this.#follow(key, polls + 1));
  }

  #later(millis, action) {
    const signal = this.#signal;
    setTimeout(() => !signal.aborted && action(), millis);
  }

  #advance(key, event) {
    const before = this.#orders.get(key);
    if (!before || this.#signal.aborted) return;
    const after = flow.next(before, event, Date.now());
    if (after !== before) this.#keep(after, before.state);
  }

  /** Stores one order among those other tabs may have stored meanwhile. */
  #keep(order, stateBefore) {
    const merged = new Map(local.read(this.#storageKey, []).map((other) => [other.key, other]));
    for (const [key, known] of this.#orders) merged.set(key, known);
    merged.set(order.key, order);
    this.#orders = new Map(trimmed([...merged.values()]).map((kept) => [kept.key, kept]));
    local.write(this.#storageKey, [...this.#orders.values()]);
    this.changed.emit(order, stateBefore);
  }
}

/** 128 random bits. Not crypto.randomUUID: that is there over HTTPS and on this machine only. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** At most KEPT_MAX: the oldest finished ones go first, an open one never. */
function trimmed(orders) {
  orders.sort((a, b) => b.placedAt - a.placedAt);
  let room = KEPT_MAX - orders.filter((order) => !flow.isFinal(order)).length;
  return orders.filter((order) => !flow.isFinal(order) || room-- > 0);
}
