import * as money from "/js/core/money.js";
import { equal } from "./assert.js";

const LARGEST = 9_223_372_036_854_775_807n;

export const tests = {
  "decimal text becomes units": () => {
    for (const [text, units] of [
      ["0", 0n], ["189.25", 1_892_500n], ["189.2501", 1_892_501n], ["0.5", 5_000n], ["-3", -30_000n], ["0.0001", 1n],
      ["922337203685477.5807", LARGEST], ["-922337203685477.5807", -LARGEST], ["-0", 0n],
    ]) equal(money.parse(text), { units });
  },
  "text that is no amount says why, as the server does": () => {
    for (const text of ["", " 1", "1 ", "+1", "01", "1.", ".5", "1e3", "1,000", "--1", "0x10", "١", "NaN", "1.2.3", "1\n"]) {
      equal([text, money.parse(text)], [text, { fault: "notDecimal" }]);
    }
    equal(money.parse("1.00001"), { fault: "tooManyPlaces" });
    equal(money.parse("922337203685477.5808"), { fault: "overflow" });
    equal(money.parse("9".repeat(400)), { fault: "overflow" });
  },
  "canonical text has two to four decimals and reads back": () => {
    for (const [units, text] of [
      [0n, "0.00"], [5_000n, "0.50"], [1_892_501n, "189.2501"], [1_892_510n, "189.251"], [-30_000n, "-3.00"], [1n, "0.0001"],
      [-1n, "-0.0001"], [LARGEST, "922337203685477.5807"],
    ]) {
      equal(money.format(units), text);
      equal(money.parse(text), { units });
    }
  },
  "amounts for people": () => {
    equal(money.display(12_345_678_900n), "1,234,567.89");
    equal(money.display(-1_000_0000n), "−1,000.00");
    equal(money.displayCents(1_892_599n), "189.25");
    equal(money.displayCents(-1_892_599n), "−189.25");
    equal(money.displaySigned(1n), "+0.0001");
    equal(money.displaySigned(0n), "0.00");
    equal(money.grouped(1_000_000_000n), "1,000,000,000");
  },
  "percentages are rounded half away from zero": () => {
    equal(money.percent(1n, 200n), "+0.50 %");
    equal(money.percent(-1n, 3n), "−33.33 %");
    equal(money.percent(5n, 100_000n), "+0.01 %");
    equal(money.percent(4n, 100_000n), "0.00 %");
    equal(money.percent(1n, 0n), null);
  },
  "a product beyond 64 bits is no amount": () => {
    equal(money.notional(1_892_501n, 1_000_000_000n), 1_892_501_000_000_000n);
    equal(money.notional(LARGEST, 1n), LARGEST);
    equal(money.notional(LARGEST, 2n), null);
  },
};
