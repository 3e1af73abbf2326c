// From values to pixels: pure, and for drawing only.

/** A function from `domain` to `range`; a domain without width goes to the middle. */
export function linear([low, high], [start, end]) {
  if (high === low) return () => (start + end) / 2;
  return (value) => start + ((value - low) / (high - low)) * (end - start);
}

/** The smallest and largest of `values`, widened by `padding` of their distance (at least by `floor`). Null for none. */
export function extent(values, padding = 0, floor = 0) {
  if (values.length === 0) return null;
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const extra = Math.max((high - low) * padding, floor);
  return [low - extra, high + extra];
}

/** Round values within [low, high], about `count` of them: 1, 2 or 5 times a power of ten apart. */
export function ticks([low, high], count) {
  if (!(high > low) || count < 1) return [];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const found = [];
  for (let index = Math.ceil(low / step); index * step <= high; index += 1) found.push(index * step);
  return found;
}

/** SVG path through `points` [x, y, at], broken where more than `gapMillis` lie between two of them. */
export function linePath(points, gapMillis = Infinity) {
  let path = "";
  points.forEach(([x, y, at], index) => {
    const broken = index === 0 || at - points[index - 1][2] > gapMillis;
    path += `${broken ? "M" : "L"}${round(x)} ${round(y)}`;
  });
  return path;
}

/** A sparkline of `samples` {at, value} in a box: the right edge is `now`, the left one `spanMillis` earlier. */
export function sparkline(samples, { width, height, now, spanMillis, gapMillis, inset = 1.5 }) {
  const seen = samples.filter((sample) => sample.at >= now - spanMillis);
  const domain = extent(seen.map((sample) => sample.value));
  if (!domain) return "";
  const x = linear([now - spanMillis, now], [inset, width - inset]);
  const y = linear(domain, [height - inset, inset]);
  return linePath(seen.map(({ at, value }) => [x(at), y(value), at]), gapMillis);
}

function round(value) {
  return Math.round(value * 10) / 10;
}
