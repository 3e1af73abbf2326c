import { isUnanswered, reasonText } from "../core/order-flow.js";
import { grouped } from "../core/money.js";
import { byId, h, setText } from "./dom.js";
import { amountText, orderText, side, timeOrDay } from "./format.js";
import { toast } from "./toasts.js";

const SHOWN_MAX = 20;

const STATES = {
  SENDING: "Sending", RETRYING: "Retrying", UNSURE: "No answer", PENDING: "Pending", FILLED: "Filled",
  REJECTED: "Rejected", REFUSED: "Refused",
};

/** The orders placed here, and what became of them. */
export function mountOrderList(orders) {
  const list = byId("order-list");

  function row(order) {
    const type = order.kind === "LIMIT" ? `Limit ${amountText(order.limitPrice)}` : "Market";
    const item = h("li", { className: "order" },
      h("span", { className: "order-what", textContent: orderText(order) }),
      h("span", { className: `badge ${order.state.toLowerCase()}`, textContent: STATES[order.state] }),
      h("span", { className: "order-when", textContent: `${type} · ${timeOrDay(order.placedAt)}` }));
    const detail = detailText(order);
    if (detail) item.append(h("span", { className: "order-detail", textContent: detail }));
    item.dataset.key = order.key;
    item.dataset.state = order.state;
    if (order.state === "UNSURE") {
      const again = h("button", { type: "button", className: "secondary", textContent: "Send again" });
      again.addEventListener("click", () => orders.resend(order.key));
      item.append(again);
    }
    return item;
  }

  function show() {
    const shown = orders.all.slice(0, SHOWN_MAX);
    byId("orders-empty").hidden = shown.length > 0;
    const focused = list.contains(document.activeElement);
    list.replaceChildren(...shown.map(row));
    // A button that went away with its row must not drop the focus to the top of the page.
    if (focused && document.activeElement === document.body) byId("quantity").focus();
  }

  orders.changed.on((order, before) => {
    show();
    if (before !== order.state) announce(order);
  });
  return { show };
}

function detailText(order) {
  switch (order.state) {
    case "FILLED": return `${amountText(order.notional)} at ${amountText(order.price)}`;
    case "REJECTED": return `${reasonText(order.reason)}${order.detail ? `: ${order.detail}` : ""}`;
    case "REFUSED": return order.detail || order.title;
    case "RETRYING": return `${order.detail} It is sent again by itself; it cannot be placed twice.`;
    case "UNSURE": return `${order.detail} Sending it again cannot place it twice.`;
    default: return null;
  }
}

/** Says what matters: an outcome as a note, a refusal at once. */
function announce(order) {
  if (order.state === "FILLED") {
    const verb = side(order.side) === "Buy" ? "Bought" : "Sold";
    toast(`${verb} ${grouped(order.quantity)} ${order.symbol}`, detailText(order), "good");
  } else if (order.state === "REJECTED" || order.state === "REFUSED") {
    toast(`${orderText(order)}: ${STATES[order.state].toLowerCase()}`, detailText(order), "bad");
  } else if (order.state === "UNSURE") {
    setText(byId("announcer"), `No answer for ${orderText(order)}. You can send it again.`);
  }
}
