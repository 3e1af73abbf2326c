"""What can be said about how the page looks without a person: nothing runs over, everything can be read, named, hit."""

CHECKS = """() => {
  const found = [];
  const say = (element, words) => found.push(`${describe(element)} ${words}`);
  const describe = (element) => element.tagName.toLowerCase() + (element.id ? `#${element.id}` : "")
    + (typeof element.className === "string" && element.className ? `.${element.className.trim().split(/\\s+/).join(".")}` : "");
  const isUnseen = (element) => element.closest(".unseen, .skip") !== null;
  const isVisible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !isUnseen(element)
    && element.getBoundingClientRect().width > 0;
  const all = [...document.body.querySelectorAll("*")];
  const visible = all.filter(isVisible);

  // Nothing runs over.
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) say(root, `is ${root.scrollWidth} wide in a window of ${root.clientWidth}`);
  const scrolls = (element) => element.closest(".watch-list, .table-card, svg, .toasts") !== null;
  for (const element of visible) {
    if (!scrolls(element) && element.getBoundingClientRect().right > root.clientWidth + 1) say(element, "reaches out of the window");
    const style = getComputedStyle(element);
    if (style.overflowX === "hidden" && style.textOverflow !== "ellipsis" && element.scrollWidth > element.clientWidth + 1) say(element, "cuts off what is in it");
  }
  const cards = visible.filter((element) => element.matches(".card, .figures, .view > h1"));
  for (const [index, one] of cards.entries()) for (const other of cards.slice(index + 1)) {
    const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
    if (a.right > b.left + 1 && b.right > a.left + 1 && a.bottom > b.top + 1 && b.bottom > a.top + 1) say(one, `overlaps ${describe(other)}`);
  }

  // Everything can be read (WCAG 2.2, 1.4.3 and 1.4.11).
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (color) => {
    if (!known.has(color)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      known.set(color, [...canvas.getImageData(0, 0, 1, 1).data].map((part, i) => (i === 3 ? part / 255 : part)));
    }
    return known.get(color);
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(rgba(getComputedStyle(at).backgroundColor));
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const luminance = (color) => color.slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  for (const element of visible) {
    if (element.matches(":disabled") || element.closest(":disabled")) continue;
    const style = getComputedStyle(element);
    if ([...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) {
      const color = element instanceof SVGElement ? style.fill : style.color;
      const ground = behind(element);
      const size = parseFloat(style.fontSize);
      const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
      const is = ratio(over(rgba(color), ground), ground);
      if (is < needed) say(element, `has contrast ${is.toFixed(2)}, needs ${needed}`);
    }
    if (element.matches("input:not([type=radio]), select, textarea")) {
      const ground = behind(element.parentElement);
      const is = ratio(over(rgba(style.borderTopColor), ground), ground);
      if (is < 3) say(element, `has a border of contrast ${is.toFixed(2)}, needs 3`);
    }
  }

  // Everything can be named, and hit.
  const ids = all.map((element) => element.id).filter(Boolean);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) found.push(`the id ${id} is given twice`);
  for (const element of all) for (const name of ["aria-labelledby", "aria-describedby", "for"]) {
    for (const id of element.getAttribute(name)?.split(" ") ?? []) if (!document.getElementById(id)) say(element, `${name} names ${id}, which is not there`);
  }
  for (const element of visible.filter((one) => one.matches("button, a, input, select, textarea, summary, svg[role=img]"))) {
    const name = element.getAttribute("aria-label") || (element.labels?.length ? element.labels[0].textContent : element.textContent);
    if (!name.trim()) say(element, "has no name");
    const target = element.matches("[type=radio]") ? element.closest("label") : element;
    const box = target.getBoundingClientRect();
    if (!element.matches("svg, td a, th a, p a, details summary") && (box.width < 24 || box.height < 24)) say(element, `is ${box.width}×${box.height} to hit`);
  }
  for (const element of visible.filter((one) => one.matches("table"))) if (!element.caption) say(element, "has no caption");
  const titles = [...document.querySelectorAll("h1")].filter((title) => title.checkVisibility());
  if (titles.length !== 1) found.push(`${titles.length} headings of the first level are shown`);
  if (document.documentElement.lang === "") found.push("the page has no language");
  return found;
}"""

#: Where things stand to each other. (A, "left of" | "above", B); both must be visible.
WIDE = {
    "trade": [("#figures", "above", "#watch"), ("#watch", "left of", ".quote"), (".quote", "left of", ".ticket"),
              (".quote", "above", ".orders"), (".orders", "left of", ".ticket"), (".quote-head", "above", "#quote-chart")],
    "portfolio": [("#figures", "above", "#positions")],
    "history": [("#filters", "above", "#trades"), ("#filter-q", "left of", "#filter-symbol"), ("#filter-to", "left of", ".filter-actions")],
    "analytics": [(".chart-card", "left of", "#top"), ("#volume-readout", "above", "#candles")],
}
NARROW = {
    "trade": [("#figures", "above", "#watch"), ("#watch", "above", ".quote"), (".quote", "above", ".ticket"), (".ticket", "above", ".orders")],
    "portfolio": [("#figures", "above", "#positions")],
    "history": [("#filter-q", "above", "#filter-symbol"), ("#filter-symbol", "left of", "#filter-side"), ("#filters", "above", "#trades")],
    "analytics": [("#candles", "above", "#top")],
}


def flaws(page):
    """What is wrong with the page as it is shown now."""
    return page.evaluate(CHECKS)


def misplaced(page, relations):
    """The relations that do not hold."""
    wrong = []
    for first, relation, second in relations:
        a, b = (page.locator(selector).first.bounding_box() for selector in (first, second))
        if a is None or b is None:
            wrong.append(f"{first if a is None else second} is not shown")
        elif relation == "left of" and a["x"] + a["width"] > b["x"] + 1 or relation == "above" and a["y"] + a["height"] > b["y"] + 1:
            wrong.append(f"{first} is not {relation} {second}")
    return wrong


def brightness(page):
    """Mean brightness of the page's ground, 0 to 255, as painted."""
    shot = page.screenshot(clip={"x": 0, "y": page.viewport_size["height"] - 8, "width": 8, "height": 8}, type="png")
    return page.evaluate("""async (bytes) => {
      const image = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: "image/png" }));
      const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
      canvas.drawImage(image, 0, 0);
      const { data } = canvas.getImageData(0, 0, image.width, image.height);
      return data.reduce((sum, part, i) => (i % 4 === 3 ? sum : sum + part), 0) / (data.length * 0.75);
    }""", list(shot))
