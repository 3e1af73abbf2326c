// Which view is shown, and with which words: #/history?symbol=AAPL. The address is the state, so that a reload,
// a bookmark and the back button all work.

import { byId } from "./dom.js";

const VIEWS = ["trade", "portfolio", "history", "analytics"];

export function current() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: VIEWS.includes(path) ? path : VIEWS[0], query: new URLSearchParams(query) };
}

/** Puts `query` into the address without a new entry in the browser's history. */
export function replaceQuery(view, query) {
  const words = new URLSearchParams([...query].filter(([, value]) => value !== ""));
  history.replaceState(null, "", `#/${view}${words.size > 0 ? `?${words}` : ""}`);
}

/** Shows the view the address names, now and on every change. `views` maps names to {show(query), hide()}. */
export function mountRouter(views) {
  let shown = null;
  const go = (moveFocus) => {
    const { view, query } = current();
    if (shown && shown !== view) views[shown].hide();
    for (const name of VIEWS) byId(`view-${name}`).hidden = name !== view;
    for (const link of byId("tabs").children) {
      if (link.getAttribute("href") === `#/${view}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const title = byId(`${view}-title`);
    document.title = `${title.textContent} · Weir Trading`;
    const changed = shown !== view;
    shown = view;
    views[view].show(query);
    if (moveFocus && changed) {
      scrollTo(0, 0);
      title.focus({ preventScroll: true });
    }
  };
  addEventListener("hashchange", () => location.hash.startsWith("#/") && go(true));
  return { start: () => go(false), stop: () => shown && views[shown].hide() };
}
