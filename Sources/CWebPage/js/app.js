// Puts the page together: who is signed in decides what runs, one AbortSignal ends it all at sign-out.

import { Emitter } from "./core/emitter.js";
import { Api } from "./io/api.js";
import { PriceStream } from "./io/price-stream.js";
import { Session } from "./io/session.js";
import { tab } from "./io/storage.js";
import { Account } from "./model/account.js";
import { Market } from "./model/market.js";
import { Orders } from "./model/orders.js";
import { analyticsView } from "./ui/analytics-view.js";
import { byId, setText } from "./ui/dom.js";
import { mountFigures } from "./ui/figures.js";
import { historyView } from "./ui/history-view.js";
import { mountLinkState } from "./ui/link-state.js";
import { mountOrderList } from "./ui/order-list.js";
import { portfolioView } from "./ui/portfolio-view.js";
import { mountQuote } from "./ui/quote.js";
import { mountRouter } from "./ui/router.js";
import { mountSignIn, notice } from "./ui/sign-in.js";
import { mountTheme } from "./ui/theme.js";
import { mountTicket } from "./ui/ticket.js";
import { toastError } from "./ui/toasts.js";
import { mountWatch } from "./ui/watch.js";

const session = new Session();
const api = new Api(() => session.token, endSession);
const market = new Market(api, new PriceStream(socketAddress));
const account = new Account(api, market);
const orders = new Orders(api);
/** The symbol everything on the trade view is about. */
const choice = {
  changed: new Emitter(),
  symbol: tab.read("symbol", ""),
  choose(symbol) {
    if (symbol === this.symbol) return;
    this.symbol = symbol;
    tab.write("symbol", symbol);
    this.changed.emit();
  },
};

market.listed.on(() => market.prices.has(choice.symbol) || choice.choose(market.symbols[0] ?? ""));
mountTheme(byId("theme"));
mountLinkState(byId("link-state"), market.stream);
mountSignIn(api, session);
mountFigures(market, account);
mountWatch(market, choice);
mountQuote(market, account, choice);
mountTicket(market, account, orders, choice);
const orderList = mountOrderList(orders);
const router = mountRouter({
  trade: { show: () => choice.changed.emit(), hide() {} },
  portfolio: portfolioView(market, account, choice),
  history: historyView(api, market),
  analytics: analyticsView(api, market, choice),
});

let running = null;
/** What stands between the sign-in and the floor: "" until the account is open, "entering", "entered". */
let progress = "";

async function begin() {
  running = new AbortController();
  const { signal } = running;
  setText(byId("user-name"), session.userId);
  await account.start(signal);
  if (!signal.aborted) await enter();
}

/** Once the account is there, everything else may start. */
async function enter() {
  if (account.state !== "open" || progress !== "") return;
  const { signal } = running;
  progress = "entering";
  orders.start(session.userId, signal);
  orderList.show();
  await market.start(signal);
  if (signal.aborted) return;
  progress = "entered";
  arrange();
  router.start();
}


function end() {
  running?.abort();
  running = null;
  if (progress === "entered") router.stop();
  progress = "";
}

/** A token that the server no longer takes: back to the sign-in, nothing typed is lost. */
function endSession() {
  if (!session.isSignedIn) return;
  session.signOut();
  notice("Your sign-in has ended. Sign in again to go on; orders under way are taken up again.");
}

/** Shows what fits the state: the sign-in, opening an account, or the floor. */
function arrange() {
  const isIn = session.isSignedIn;
  byId("sign-in").hidden = isIn;
  byId("user").hidden = !isIn;
  byId("no-account").hidden = !(isIn && account.state === "none");
  byId("no-server").hidden = !(isIn && account.state === "failed");
  if (account.state === "failed") setText(byId("no-server-detail"), account.error.message);
  byId("floor").hidden = byId("tabs").hidden = !(isIn && progress === "entered" && account.state === "open");
}

session.changed.on(() => {
  end();
  if (session.isSignedIn) {
    notice(null);
    begin();
  }
  arrange();
  if (!session.isSignedIn) byId("user-id").focus();
});
account.changed.on(arrange);
orders.changed.on((order, before) => {
  if (order.state === "FILLED" && before !== "FILLED") account.refresh({ consistent: true });
});

byId("sign-out").addEventListener("click", () => session.signOut());
byId("open-account").addEventListener("click", () => account.open().then(enter).catch(toastError));
byId("try-again").addEventListener("click", () => account.refresh().then(enter));
// The skip link's fragment would otherwise be taken for a view.
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});

function socketAddress() {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/prices`;
}

arrange();
if (session.isSignedIn) begin();
