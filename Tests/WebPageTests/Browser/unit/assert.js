// What the tests of pure modules need, and no more.

function show(value) {
  return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}n` : inner));
}

export function equal(actual, expected) {
  if (show(actual) !== show(expected)) throw new Error(`is ${show(actual)}, should be ${show(expected)}`);
}

export function ok(condition, words) {
  if (!condition) throw new Error(words);
}
