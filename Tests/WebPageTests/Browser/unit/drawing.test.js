import { delayMillis } from "/js/core/backoff.js";
import * as scale from "/js/core/scale.js";
import { SAMPLES_MAX, Series, STEP_MILLIS } from "/js/core/series.js";
import { equal, ok } from "./assert.js";

export const tests = {
  "a series keeps the last sample of each step, bounded, in time order": () => {
    const series = new Series();
    series.add(10, 1);
    series.add(20, 2);
    equal(series.samples, [{ at: 20, value: 2 }]);
    series.add(5, 9);
    equal(series.samples.at(-1).value, 2);
    for (let step = 1; step <= 2 * SAMPLES_MAX; step += 1) series.add(step * STEP_MILLIS, step);
    equal([series.samples.length, series.samples.at(-1).value], [SAMPLES_MAX, 2 * SAMPLES_MAX]);
  },
  "a sparkline reaches from edge to edge and from bottom to top": () => {
    const box = { width: 100, height: 20, now: 1_000, spanMillis: 1_000, gapMillis: 10_000, inset: 0 };
    const samples = [{ at: -5_000, value: 99 }, { at: 0, value: 1 }, { at: 500, value: 3 }, { at: 1_000, value: 2 }];
    equal(scale.sparkline(samples, box), "M0 20L50 0L100 10");
  },
  "a price that stands still is a line in the middle": () => {
    const box = { width: 100, height: 20, now: 1_000, spanMillis: 1_000, inset: 0 };
    equal(scale.sparkline([{ at: 0, value: 5 }, { at: 1_000, value: 5 }], box), "M0 10L100 10");
    equal(scale.sparkline([], box), "");
  },
  "a line breaks where nothing was heard": () => {
    equal(scale.linePath([[0, 0, 0], [1, 1, 100], [2, 2, 900]], 500), "M0 0L1 1M2 2");
  },
  "ticks are round and inside": () => {
    equal(scale.ticks([3, 47], 4), [20, 40]);
    equal(scale.ticks([0, 10], 5), [0, 2, 4, 6, 8, 10]);
    equal(scale.ticks([5, 5], 4), []);
  },
  "waits double up to a cap and are never none": () => {
    const rule = { baseMillis: 100, capMillis: 1_000 };
    equal([1, 2, 3, 4, 5, 99].map((attempt) => delayMillis(attempt, rule, () => 1)), [100, 200, 400, 800, 1_000, 1_000]);
    ok(delayMillis(1, rule, () => 0) === 25, "the shortest wait is a quarter of the step");
  },
};
