"""A page that stands still, so that it can be compared with a picture: the gateway hands out its files only; the time,
the market, the account and the orders are made up here."""

import base64
import json
import math
import re
from pathlib import Path

#: What of DejaVu Sans is needed, so that texts are as wide on every machine.
FONT = Path(__file__).resolve().parent / "pictures" / "font"
SET_FONT = """async (fonts) => {
  for (const [index, weight] of ["100 500", "501 900"].entries()) {
    const face = new FontFace("Pictures", Uint8Array.from(atob(fonts[index]), (c) => c.charCodeAt(0)), { weight });
    document.fonts.add(await face.load());
  }
  document.documentElement.style.fontFamily = "Pictures";
}"""
#: Where the page's clock stands, epoch milliseconds: 2026-03-02, 14:30:00 UTC.
NOW_MILLIS = 1_772_461_800_000
USER = "ada"
ORDER_ID = "0f9e1c52-7a3b-4d68-9c1e-5b2a7d4f6e80"
#: Symbol → the middle of its price in cents, how far it swings, and in how many seconds once.
SWINGS = {
    "AAPL": (189_25, 60, 170), "AMZN": (178_10, 35, 90), "BRK.B": (411_60, 120, 210), "KO": (60_15, 8, 45),
    "META": (484_20, 210, 240), "MSFT": (415_80, 95, 110), "NVDA": (822_79, 480, 150), "V": (284_36, 45, 190),
}
KO = {"symbol": "KO", "quantity": 120, "cost": "7230.0000", "averageCost": "60.2500"}
PORTFOLIO = {
    "userId": USER, "cash": "81234.5600", "version": 7, "updatedAt": "2026-03-02T14:20:00.000Z",
    "holdings": [{"symbol": "AAPL", "quantity": 40, "cost": "7566.0000", "averageCost": "189.1500"}, KO],
}
#: The order that is placed, and what comes of it.
BOUGHT = {
    "tradeId": "b1d0", "orderId": ORDER_ID, "symbol": "AAPL", "side": "BUY", "quantity": 25, "price": "189.2500",
    "notional": "4731.2500", "executedAt": "2026-03-02T14:30:00.000Z",
}
AFTER_BUYING = {
    "userId": USER, "cash": "76503.3100", "version": 8, "updatedAt": "2026-03-02T14:30:00.000Z",
    "holdings": [{"symbol": "AAPL", "quantity": 65, "cost": "12297.2500", "averageCost": "189.1884"}, KO],
}
REJECTED_EARLIER = {
    "key": "00", "body": "{}", "placedAt": NOW_MILLIS - 95_000, "symbol": "NVDA", "side": "BUY", "kind": "LIMIT", "quantity": "5",
    "limitPrice": "800.00", "state": "REJECTED", "attempts": 1, "retryAt": None, "orderId": "11", "reason": "LIMIT_NOT_MET",
    "detail": "the price 822.79 is above the limit 800.00",
}


def _cents(symbol, second):
    """The price `second` seconds before now."""
    middle, swing, period = SWINGS[symbol]
    return middle + round(swing * math.sin(2 * math.pi * second / period) + swing / 4 * math.sin(2 * math.pi * second / 13))


def _price(symbol, seq, cents):
    return {"type": "price", "symbol": symbol, "price": f"{cents // 100}.{cents % 100:02}00", "seq": seq, "ts": NOW_MILLIS}


def _amount(cents):
    """As the page writes it."""
    return f"{cents / 100:,.2f}"


def _part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _kept():
    """What the tab and the browser remember: the sign-in, four minutes of prices, an order of before."""
    series = {symbol: [{"at": NOW_MILLIS - 1000 * second, "value": 100 * _cents(symbol, second)} for second in range(240, 0, -1)]
              for symbol in SWINGS}
    tab = {"token": ".".join((_part({"alg": "none"}), _part({"sub": USER}), "none")), "symbol": "AAPL", "series": series}
    tab |= {f"opened.{symbol}": str(100 * _cents(symbol, 240)) for symbol in SWINGS}
    return tab, {f"orders.{USER}": [REJECTED_EARLIER]}


class Still:
    """Opens the trade view at `desk`, live, and holds it there."""

    def __init__(self, desk, width=1440, height=760):
        self._desk = desk
        self._sockets = []
        self._is_cut = self._has_bought = False
        page = desk.page
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.clock.set_fixed_time(NOW_MILLIS / 1000)
        page.add_init_script("""(() => {
          Math.random = () => 0.5;
          const [tab, local] = %s;
          for (const [key, value] of Object.entries(tab)) sessionStorage.setItem(`weir.${key}`, JSON.stringify(value));
          for (const [key, value] of Object.entries(local)) localStorage.setItem(`weir.${key}`, JSON.stringify(value));
        })()""" % json.dumps(_kept()))
        page.route("**/v1/**", self._answer)
        page.route_web_socket("**/v1/prices", self._feed)
        desk.open()
        desk.until_live()
        fonts = [(FONT / f"DejaVuSans{kind}.woff2").read_bytes() for kind in ("", "-Bold")]
        page.evaluate(SET_FONT, [base64.b64encode(font).decode() for font in fonts])
        # The prices come in order: with the last one all are there.
        last = max(SWINGS)
        row = page.locator("label.watch-row", has=page.locator(f"input[value='{last}']"))
        desk.until(lambda: row.locator(".watch-price").inner_text() == _amount(_cents(last, 0)), "the last price shows")

    def cut(self):
        """Ends the price connection for good, and lets 21 seconds go by."""
        self._is_cut = True
        for socket in self._sockets:
            socket.close()
        desk = self._desk
        desk.until(lambda: desk.text("#link-state") == "Reconnecting…", "the page says that it is cut off")
        desk.page.clock.set_fixed_time(NOW_MILLIS / 1000 + 21)
        desk.until(lambda: "no change for 21 s" in desk.text("#quote-change"), "the price is old")
        desk.until(lambda: desk.page.locator(".watch-row.stale").count() == len(SWINGS), "all prices are old")

    def _feed(self, socket):
        if self._is_cut:
            return socket.close()
        self._sockets.append(socket)

        def subscribed(message):
            for symbol in json.loads(message)["symbols"]:
                socket.send(json.dumps(_price(symbol, 2, _cents(symbol, 0))))

        socket.on_message(subscribed)

    def _answer(self, route):
        asked = f"{route.request.method} {re.sub('^https?://[^/]*|[?].*', '', route.request.url)}"
        if asked == "POST /v1/orders":
            self._has_bought = True
        answers = {
            "GET /v1/prices": {"prices": [_price(symbol, 1, _cents(symbol, 1)) for symbol in SWINGS]},
            "GET /v1/portfolio": AFTER_BUYING if self._has_bought else PORTFOLIO,
            "POST /v1/orders": {"orderId": ORDER_ID, "status": "ACCEPTED"},
            f"GET /v1/orders/{ORDER_ID}": {"orderId": ORDER_ID, "status": "FILLED", "trade": BOUGHT},
        }
        if asked in answers:
            return route.fulfill(status=202 if "POST" in asked else 200, json=answers[asked])
        self._desk.violations.append(f"asked {asked}, which no picture needs")
        route.abort()
