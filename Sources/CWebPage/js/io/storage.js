// What outlives a reload. Storage may be full or forbidden: then the page works and forgets.

function wrap(area) {
  return {
    read(key, fallback) {
      try {
        return JSON.parse(area().getItem(`weir.${key}`)) ?? fallback;
      } catch {
        return fallback;
      }
    },
    write(key, value) {
      try {
        if (value === null) area().removeItem(`weir.${key}`);
        else area().setItem(`weir.${key}`, JSON.stringify(value));
      } catch {
        // See above.
      }
    },
  };
}

/** Kept for this browser: orders, the theme. */
export const local = wrap(() => localStorage);

/** Kept for this tab: the token, what was typed, chart samples. Closing the tab signs out. */
export const tab = wrap(() => sessionStorage);
