import { setText } from "./dom.js";

const WORDS = { off: "", connecting: "Connecting…", live: "Live", waiting: "Reconnecting…", reconnecting: "Reconnecting…" };

/** Shows whether prices are live. The countdown is a title, which is not announced each second. */
export function mountLinkState(element, stream) {
  const show = () => {
    element.hidden = stream.state === "off";
    element.dataset.state = stream.state;
    setText(element, WORDS[stream.state]);
    if (stream.state === "waiting") {
      const seconds = Math.max(1, Math.ceil((stream.retryAt - Date.now()) / 1000));
      element.title = `Prices are not live. Next attempt in ${seconds} s.`;
    } else {
      element.title = stream.state === "live" ? "Prices arrive as they change." : "";
    }
  };
  stream.changed.on(show);
  setInterval(show, 1_000);
  show();
}
