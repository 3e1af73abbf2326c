// The last minutes of a price, one sample a step: what a chart draws. Values are Numbers on purpose: they become
// pixels, never money.

export const STEP_MILLIS = 1_000;
export const SAMPLES_MAX = 300;

/** Samples {at, value} in time order, the last of each step, at most SAMPLES_MAX. */
export class Series {
  constructor(samples = []) {
    this.samples = samples.slice(-SAMPLES_MAX);
  }

  add(at, value) {
    const last = this.samples.at(-1);
    if (last && at < last.at) return;
    if (last && Math.floor(at / STEP_MILLIS) === Math.floor(last.at / STEP_MILLIS)) {
      last.at = at;
      last.value = value;
      return;
    }
    this.samples.push({ at, value });
    if (this.samples.length > SAMPLES_MAX) this.samples.shift();
  }

  /** The samples since `from`. */
  since(from) {
    return this.samples.filter((sample) => sample.at >= from);
  }
}
