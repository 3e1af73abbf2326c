import { Emitter } from "../core/emitter.js";
import { Series } from "../core/series.js";
import { tab } from "../io/storage.js";
import * as wire from "../io/wire.js";

/** How often views hear of new prices: people cannot read faster. */
const FRAME_MILLIS = 250;
const RELIST_MILLIS = 30_000;
/** A price that has not moved for so long is marked. */
export const STALE_MILLIS = 15_000;

/** The latest price of every symbol, and its last minutes. */
export class Market {
  /** Emits the set of symbols that moved, at most every FRAME_MILLIS. */
  moved = new Emitter();
  /** Emits when symbols came to be known. */
  listed = new Emitter();
  /** symbol → {units, seq, opened, heardAt}: `opened` is the first price this tab saw. */
  prices = new Map();
  stream;

  #api;
  #series = new Map();
  #fresh = new Set();
  #timer = null;

  constructor(api, stream) {
    this.#api = api;
    this.stream = stream;
    stream.ticked.on((tick) => this.#take(tick));
    const kept = tab.read("series", {});
    for (const [symbol, samples] of Object.entries(kept)) this.#series.set(symbol, new Series(samples));
    addEventListener("pagehide", () => {
      tab.write("series", Object.fromEntries([...this.#series].map(([symbol, series]) => [symbol, series.samples])));
    });
  }

  /** Lists the symbols and follows them, until `signal`. Returns after the first attempt; later ones go on by themselves. */
  async start(signal) {
    const relist = async () => {
      await this.#list(signal);
      // A symbol is listed once it has a price: on a market that has just opened, look again soon.
      if (!signal.aborted) setTimeout(relist, this.prices.size === 0 ? 1_000 : RELIST_MILLIS);
    };
    signal.addEventListener("abort", () => this.stream.stop());
    await relist();
    if (!signal.aborted) this.stream.start();
  }

  async #list(signal) {
    try {
      const listed = wire.prices(await this.#api.get("/v1/prices", {}, { signal }));
      const known = this.prices.size;
      for (const tick of listed) this.#take(tick);
      this.stream.subscribe(listed.map((tick) => tick.symbol));
      if (this.prices.size > known || known === 0) this.listed.emit();
    } catch (error) {
      if (!signal.aborted) console.info("The symbols could not be listed:", error.message);
    }
  }

  get symbols() {
    return [...this.prices.keys()].sort();
  }

  /** The latest price in units, or null. */
  latest(symbol) {
    return this.prices.get(symbol)?.units ?? null;
  }

  series(symbol) {
    return this.#series.get(symbol)?.samples ?? [];
  }

  isStale(symbol, now = Date.now()) {
    const price = this.prices.get(symbol);
    return price !== undefined && now - price.heardAt > STALE_MILLIS;
  }

  #take({ symbol, units, seq, at }) {
    const known = this.prices.get(symbol);
    if (known && seq <= known.seq) return;
    const opened = known?.opened ?? tab.read(`opened.${symbol}`, null);
    const price = { units, seq, at, heardAt: Date.now(), opened: opened === null ? units : BigInt(opened) };
    if (opened === null) tab.write(`opened.${symbol}`, String(units));
    this.prices.set(symbol, price);
    if (!this.#series.has(symbol)) this.#series.set(symbol, new Series());
    this.#series.get(symbol).add(price.heardAt, Number(units));
    this.#fresh.add(symbol);
    this.#timer ??= setTimeout(() => this.#flush(), FRAME_MILLIS);
  }

  #flush() {
    const fresh = this.#fresh;
    this.#fresh = new Set();
    this.#timer = null;
    this.moved.emit(fresh);
  }
}
