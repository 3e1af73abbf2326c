/** Tells listeners that something changed. */
export class Emitter {
  #listeners = new Set();

  /** Calls `listener` on every change; returns what ends that. */
  on(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(...values) {
    for (const listener of [...this.#listeners]) listener(...values);
  }
}
