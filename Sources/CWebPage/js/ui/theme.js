import { local } from "../io/storage.js";
import { s } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const LABELS = { system: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };
const SHAPES = {
  system: ["M4 5h16v11H4z", "M9 20h6M12 16v4"],
  light: ["M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M12 2.5v2M12 19.500v2M2.5 12h2M19.5 12h2M5.3 5.300l1.4 1.400M17.3 17.300l1.4 1.400M18.7 5.300l-1.4 1.400M6.7 17.300l-1.4 1.4"],
  dark: ["M20 14.500A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.500z"],
};

/** The button that goes through system, light and dark. */
export function mountTheme(button) {
  let theme = local.read("theme", "system");
  if (!THEMES.includes(theme)) theme = "system";
  const show = () => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", LABELS[theme]);
    button.title = LABELS[theme];
    const paths = SHAPES[theme].map((d) => s("path", { d }));
    button.replaceChildren(s("svg", { viewBox: "0 0 24 24", width: 20, height: 20, class: "icon", "aria-hidden": "true" }, ...paths));
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    local.write("theme", theme === "system" ? null : theme);
    show();
  });
  show();
}
