/**
 * How long to wait before attempt number `attempt` (1 is the first repetition): exponential, with full jitter above
 * a quarter of the step, so that many pages do not come back at once and none comes back at once.
 */
export function delayMillis(attempt, { baseMillis, capMillis }, random = Math.random) {
  const step = Math.min(capMillis, baseMillis * 2 ** Math.min(Math.max(attempt - 1, 0), 30));
  return Math.round(step * (0.25 + 0.75 * random()));
}
