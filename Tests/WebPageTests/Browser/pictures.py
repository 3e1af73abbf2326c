"""Key states of the trade view, compared with stored pictures (the folder pictures). Fonts and their smoothing differ
from machine to machine, so blocks are compared, not pixels: the mean colour of each may be TOLERANCE off."""

import base64
from pathlib import Path

from still import Still

STORED = Path(__file__).resolve().parent / "pictures"
#: Where what was seen goes when it differs.
SEEN = Path(__file__).resolve().parents[3] / ".build" / "pictures"
BLOCK_PIXELS = 16
#: Of 255. Measured: the same machine is off by 0.1, letters smoothed and set otherwise by 12; docs/web-page.md.
TOLERANCE = 20

COMPARE = """async ([stored, seen, side, tolerance]) => {
  const read = async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    return { context, size: `${image.width}×${image.height}`, width: image.width, height: image.height };
  };
  const mean = ({ context }, ...box) => {
    const { data } = context.getImageData(...box);
    const sums = [0, 0, 0];
    for (let i = 0; i < data.length; i += 1) if (i % 4 < 3) sums[i % 4] += data[i];
    return sums.map((sum) => sum / (data.length / 4));
  };
  const [one, other] = [await read(stored), await read(seen)];
  if (one.size !== other.size) return { words: `is ${other.size}, not ${one.size}`, marked: seen };
  const blocks = [];
  for (let y = 0; y < one.height; y += side) for (let x = 0; x < one.width; x += side) {
    const box = [x, y, Math.min(side, one.width - x), Math.min(side, one.height - y)];
    const [a, b] = [mean(one, ...box), mean(other, ...box)];
    const off = Math.max(...a.map((part, i) => Math.abs(part - b[i])));
    if (off > tolerance) blocks.push({ box, off });
  }
  const { context } = other;
  context.strokeStyle = "#f0f";
  for (const { box: [x, y, width, height] } of blocks) context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  const bytes = new Uint8Array(await (await context.canvas.convertToBlob()).arrayBuffer());
  const worst = Math.max(0, ...blocks.map(({ off }) => off));
  return { blocks, words: blocks.length === 0 ? "" : `differs in ${blocks.length} blocks, by up to ${worst.toFixed()} of 255`,
    marked: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
}"""


def _shot(desk):
    """The page as it is seen once nothing changes any more."""
    desk.page.mouse.move(0, 0)
    shots = [None]

    def stands_still():
        shots.append(desk.page.screenshot(animations="disabled", caret="hide"))
        return shots[-2] == shots[-1]

    desk.until(stands_still, "the page stands still")
    return shots[-1]


def _difference(desk, name, shot):
    """How `shot` differs from the stored picture: {words, marked}; the words are empty when it does not."""
    pictures = [base64.b64encode(picture).decode() for picture in ((STORED / f"{name}.png").read_bytes(), shot)]
    return desk.page.evaluate(COMPARE, [*pictures, BLOCK_PIXELS, TOLERANCE])


def _is_as_stored(desk, name):
    shot = _shot(desk)
    if desk.renews:
        STORED.mkdir(exist_ok=True)
        (STORED / f"{name}.png").write_bytes(shot)
    found = _difference(desk, name, shot)
    if found["words"]:
        SEEN.mkdir(parents=True, exist_ok=True)
        (SEEN / f"{name}.png").write_bytes(shot)
        (SEEN / f"{name}-marked.png").write_bytes(base64.b64decode(found["marked"]))
        raise AssertionError(
            f"{name} {found['words']}: see {SEEN}/{name}.png and {name}-marked.png beside {STORED}/{name}.png. If it is meant "
            f"to look so, `run.py --renew --only picture_{name}` stores it; docs/web-page.md has the whole command")


def picture_live(desk):
    """Wide and light, prices live."""
    Still(desk)
    _is_as_stored(desk, "live")


def picture_order(desk):
    """An order just filled, the next one typed into the ticket."""
    Still(desk)
    desk.place("Buy", 25, "AAPL")
    desk.order("FILLED", "Buy 25 AAPL")
    desk.until(lambda: "You hold 65 " in desk.text("#quote-position"), "the position grows")
    # A toast also goes by itself.
    desk.page.evaluate("document.querySelectorAll('.toast').forEach((toast) => toast.remove())")
    desk.press_segment("Sell")
    desk.press_segment("Limit")
    desk.page.locator("#quantity").fill("40")
    desk.page.locator("#limit-price").fill("189.10")
    _is_as_stored(desk, "order")


def picture_dark(desk):
    """Wide, the system's theme dark."""
    Still(desk)
    desk.page.emulate_media(color_scheme="dark")
    _is_as_stored(desk, "dark")


def picture_narrow(desk):
    """360 pixels wide, in a window as tall as the page."""
    Still(desk, 360, 1460)
    _is_as_stored(desk, "narrow")


def picture_disconnected(desk):
    """Cut off for 21 seconds: the page says so, and every price is marked as old."""
    Still(desk).cut()
    _is_as_stored(desk, "disconnected")


def planted_differences_are_seen(desk):
    """What a picture is there to find, it finds: each difference is planted, seen, and taken away again."""
    page = desk.page
    Still(desk)
    planted = {
        "the ticket is gone": (".ticket", "visibility: hidden"),
        "the price is 4 pixels lower": (".quote", "position: relative; top: 4px"),
        "a price is missing": (".watch-row:nth-child(3) .watch-price", "visibility: hidden"),
        "the chart is missing": ("#quote-chart", "visibility: hidden"),
        "the button has the other colour": (".place", "background: var(--down)"),
        "the bar at the chosen symbol is missing": (".watch-row", "border-left-color: transparent"),
        "the state of the connection is missing": ("#link-state", "visibility: hidden"),
    }
    for words, (selector, css) in planted.items():
        element = page.locator(selector).first
        element.evaluate("(element, css) => { element.style.cssText = css; }", css)
        assert _difference(desk, "live", _shot(desk))["words"], f"{words}: not seen"
        element.evaluate("(element) => { element.style.cssText = ''; }")
    found = _difference(desk, "live", _shot(desk))["words"]
    assert not found, f"with nothing planted it {found}"
    page.emulate_media(color_scheme="dark")
    assert _difference(desk, "live", _shot(desk))["words"], "the other theme was not seen"
    page.set_viewport_size({"width": 1440, "height": 700})
    assert "not 1440×760" in _difference(desk, "live", _shot(desk))["words"], "another size was not seen"


ALL = [picture_live, picture_order, picture_dark, picture_narrow, picture_disconnected, planted_differences_are_seen]
