// Live prices over WS /v1/prices: connects, subscribes, and comes back by itself when the connection ends.

import { delayMillis } from "../core/backoff.js";
import { Emitter } from "../core/emitter.js";
import * as wire from "./wire.js";

const RETRY = { baseMillis: 500, capMillis: 15_000 };
/** A connection that says nothing for so long is taken for dead. */
const SILENCE_MILLIS = 20_000;
const SYMBOLS_PER_MESSAGE = 50;

export class PriceStream {
  /** Emits {symbol, units, seq, at}. */
  ticked = new Emitter();
  /** Emits nothing: read `state` and `retryAt`. */
  changed = new Emitter();
  /** "off", "connecting" (for the first time), "live", or when that is over "waiting" and "reconnecting" in turn. */
  state = "off";
  /** While waiting: when it is tried again, epoch milliseconds. */
  retryAt = null;

  #url;
  #symbols = new Set();
  #socket = null;
  #attempt = 0;
  #timer = null;
  #heardAt = 0;

  /** @param url makes the address of each connection */
  constructor(url) {
    this.#url = url;
    // A machine that wakes up or finds its network again should not sit out a wait.
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#hurry());
  }

  start() {
    if (this.state === "off") this.#connect();
  }

  stop() {
    this.#drop();
    this.#attempt = 0;
    this.#enter("off");
  }

  subscribe(symbols) {
    const fresh = symbols.filter((symbol) => !this.#symbols.has(symbol));
    for (const symbol of fresh) this.#symbols.add(symbol);
    if (this.state === "live") this.#say("subscribe", fresh);
  }

  #connect() {
    this.#drop();
    this.#enter(this.#attempt > 0 ? "reconnecting" : "connecting");
    const socket = new WebSocket(this.#url());
    this.#socket = socket;
    socket.onopen = () => {
      this.#heardAt = Date.now();
      this.#enter("live");
      this.#say("subscribe", [...this.#symbols]);
      this.#timer = setInterval(() => Date.now() - this.#heardAt > SILENCE_MILLIS && this.#retry(), 1_000);
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = () => socket === this.#socket && this.#retry();
  }

  #hear(data) {
    this.#heardAt = Date.now();
    this.#attempt = 0;
    let message;
    try {
      message = JSON.parse(data);
      if (message.type === "error") console.warn("The price stream refused a message:", message.detail);
      if (message.type !== "price") return;
      message = wire.price(message);
    } catch (error) {
      console.warn("A message of the price stream was not understood:", error.message);
      return;
    }
    this.ticked.emit(message);
  }

  #say(type, symbols) {
    for (let from = 0; from < symbols.length; from += SYMBOLS_PER_MESSAGE) {
      this.#socket.send(JSON.stringify({ type, symbols: symbols.slice(from, from + SYMBOLS_PER_MESSAGE) }));
    }
  }

  #retry() {
    this.#drop();
    this.#attempt += 1;
    const wait = delayMillis(this.#attempt, RETRY);
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#enter("waiting");
  }

  #hurry() {
    if (this.state === "waiting") this.#connect();
  }

  /** Forgets the connection; what it still has to say is not heard. */
  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #enter(state) {
    this.state = state;
    if (state !== "waiting") this.retryAt = null;
    this.changed.emit();
  }
}
