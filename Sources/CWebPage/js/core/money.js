// Money and prices: BigInt counts of 1/10 000 of the currency, decimal text on the wire. Never a Number: this
// file and the server's FixedPoint follow one grammar, -?(0|[1-9][0-9]*)(.[0-9]{1,4})?, and one range, Int64.

export const UNITS_PER_WHOLE = 10_000n;
const LARGEST = 2n ** 63n - 1n;
const DECIMAL = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?$/;

/** Why a text is no amount, in the server's words. */
export const FAULTS = {
  notDecimal: "is not a decimal number such as 189.25",
  tooManyPlaces: "has more than four decimals",
  overflow: "is too large",
};

/** Reads decimal text: {units} or {fault}, a name of FAULTS. Nothing is ever rounded. */
export function parse(text) {
  const match = DECIMAL.exec(text);
  if (!match) return { fault: "notDecimal" };
  const [, sign, whole, places = ""] = match;
  if (places.length > 4) return { fault: "tooManyPlaces" };
  const units = BigInt(whole) * UNITS_PER_WHOLE + BigInt(places.padEnd(4, "0"));
  if (units > LARGEST) return { fault: "overflow" };
  return { units: sign ? -units : units };
}

/** The canonical text: two to four decimals, "189.25". */
export function format(units) {
  const magnitude = units < 0n ? -units : units;
  const places = String(magnitude % UNITS_PER_WHOLE).padStart(4, "0").replace(/0{1,2}$/, "");
  return `${units < 0n ? "-" : ""}${magnitude / UNITS_PER_WHOLE}.${places}`;
}

/** For people: thousands set apart, a true minus sign. "1,234,567.89" */
export function display(units) {
  const [whole, places] = format(units < 0n ? -units : units).split(".");
  return `${units < 0n ? "−" : ""}${grouped(whole)}.${places}`;
}

/** `display` for a difference: its sign is always there, except for none. */
export function displaySigned(units) {
  return units > 0n ? `+${display(units)}` : display(units);
}

/** `display` without the decimals beyond cents, rounded towards zero: for figures read at a glance. */
export function displayCents(units) {
  return display(units - (units % 100n));
}

/** `displayCents` for a difference. */
export function displaySignedCents(units) {
  return displaySigned(units - (units % 100n));
}

/** What `part` is of `whole`, signed, to a hundredth of a percent, half rounded away: "+1.25 %". Null when whole is 0. */
export function percent(part, whole) {
  if (whole === 0n) return null;
  const negative = part < 0n !== whole < 0n;
  const top = part < 0n ? -part : part;
  const bottom = whole < 0n ? -whole : whole;
  const hundredths = (top * 20_000n + bottom) / (2n * bottom);
  const text = `${grouped(String(hundredths / 100n))}.${String(hundredths % 100n).padStart(2, "0")} %`;
  if (hundredths === 0n) return text;
  return `${negative ? "−" : "+"}${text}`;
}

/** What `quantity` shares cost at `price`, or null when it does not fit the server's 64 bits. */
export function notional(price, quantity) {
  const product = price * quantity;
  return product > LARGEST ? null : product;
}

/** A whole number with its thousands set apart. */
export function grouped(whole) {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
}
