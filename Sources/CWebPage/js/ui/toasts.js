import { byId, h } from "./dom.js";

const SHOWN_MAX = 3;
const SHOWN_MILLIS = 6_000;

/** Says something that needs no answer; it goes by itself. `kind` is "good", "bad" or "". */
export function toast(title, detail = "", kind = "") {
  const place = byId("toasts");
  const note = h("div", { className: `toast ${kind}` }, h("strong", { textContent: title }));
  if (detail) note.append(h("span", { textContent: detail }));
  const dismiss = h("button", { type: "button", className: "quiet", textContent: "×" });
  dismiss.setAttribute("aria-label", "Dismiss");
  dismiss.addEventListener("click", () => note.remove());
  note.append(dismiss);
  place.append(note);
  while (place.childElementCount > SHOWN_MAX) place.firstElementChild.remove();
  setTimeout(() => note.remove(), SHOWN_MILLIS);
}

/** Shows a failed request. Its request id is what support would ask for. */
export function toastError(error) {
  const reference = error.requestId ? ` (request ${error.requestId})` : "";
  toast(error.title ?? "Something went wrong", `${error.detail ?? error.message}${reference}`, "bad");
}
