import { display, displayCents } from "../core/money.js";
import { advice, estimate, judge } from "../core/order-rules.js";
import { tab } from "../io/storage.js";
import { byId, setFieldError, setOptions, setText } from "./dom.js";
import { orderText, side as sideText } from "./format.js";

const EMPTY = { side: "BUY", type: "MARKET", quantity: "", limitPrice: "" };

/** The order ticket: what it would cost as it is typed, what is wrong with it, and placing it. */
export function mountTicket(market, account, orders, choice) {
  const form = byId("ticket");
  const fields = form.elements;
  const errorOf = {
    symbol: [fields.symbol, byId("symbol-error")],
    quantity: [fields.quantity, byId("quantity-error")],
    limitPrice: [fields.limitPrice, byId("limit-price-error")],
  };
  /** Fields whose errors are shown: those left once, all after an attempt to place. */
  const touched = new Set();

  function draft() {
    return {
      symbol: fields.symbol.value, side: fields.side.value, type: fields.type.value,
      quantity: fields.quantity.value, limitPrice: fields.limitPrice.value,
    };
  }

  function show() {
    const typed = draft();
    const { errors, order } = judge(typed);
    byId("limit-field").hidden = typed.type !== "LIMIT";
    form.dataset.side = typed.side;
    for (const [name, [input, output]] of Object.entries(errorOf)) {
      setFieldError(input, output, touched.has(name) ? (errors[name] ?? null) : null);
    }
    showCost(typed, order);
    setText(byId("place"), order ? orderText(order) : `${sideText(typed.side)} ${typed.symbol}`);
    tab.write("ticket", typed);
  }

  function showCost(typed, order) {
    const latest = market.latest(typed.symbol);
    const amount = order ? estimate(order, latest) : null;
    const buying = typed.side === "BUY";
    setText(byId("cost-label"), buying ? (typed.type === "LIMIT" ? "Cost at most" : "Estimated cost") : "Estimated proceeds");
    setText(byId("cost-amount"), amount === null ? "–" : display(amount));
    const cash = account.portfolio?.cash;
    const after = amount === null || cash === undefined ? null : buying ? cash - amount : cash + amount;
    setText(byId("cost-after"), after === null ? "–" : displayCents(after));
    byId("cost-after").classList.toggle("down", after !== null && after < 0n);
    setText(byId("ticket-advice"), (order && advice(order, amount, latest, account.portfolio)) ?? "");
  }

  function relist() {
    setOptions(fields.symbol, market.symbols.map((symbol) => ({ value: symbol, label: symbol })));
    fields.symbol.value = choice.symbol;
    show();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const name of Object.keys(errorOf)) touched.add(name);
    const { errors, order } = judge(draft());
    show();
    if (!order) {
      errorOf[Object.keys(errorOf).find((name) => errors[name])][0].focus();
      return;
    }
    orders.place(order);
    // The next order is a new one: the same click twice must not be the same order twice by accident.
    fields.quantity.value = "";
    touched.clear();
    show();
    fields.quantity.focus();
  });
  form.addEventListener("input", () => {
    if (fields.symbol.value !== choice.symbol) choice.choose(fields.symbol.value);
    show();
  });
  form.addEventListener("focusout", ({ target }) => {
    if (target.name in errorOf && target.value !== "") touched.add(target.name);
    show();
  });
  market.listed.on(relist);
  market.moved.on((fresh) => fresh.has(choice.symbol) && showCost(draft(), judge(draft()).order));
  account.changed.on(show);
  choice.changed.on(() => {
    fields.symbol.value = choice.symbol;
    show();
  });

  const kept = { ...EMPTY, ...tab.read("ticket", {}) };
  for (const name of Object.keys(EMPTY)) fields[name].value = kept[name];
}
