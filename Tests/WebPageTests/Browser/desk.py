"""One tab at the page: what a user does there, and what must never happen meanwhile."""

import re
import time
import uuid

PATIENCE_MILLIS = 20_000


class Desk:
    def __init__(self, browser, origin, shots=None, renews=False):
        self._shots = shots
        #: Whether stored pictures are written anew (pictures.py).
        self.renews = renews
        self.origin = origin
        self.user = f"u-{uuid.uuid4().hex[:12]}"
        self.violations = []
        #: Statuses a scenario provokes: the browser logs each as an error of its own.
        self.expected_statuses = {404}
        #: Whether the server may be away: the browser logs that as well.
        self.expects_outage = False
        self.context = browser.new_context(
            viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin")
        self.context.set_default_timeout(PATIENCE_MILLIS)
        self.context.route(lambda url: not url.startswith(origin + "/"), self._refuse)
        self.page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.violations.append(f"error in the page: {error}"))
        self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => "
            "console.error(`policy violated: ${e.violatedDirective} by ${e.blockedURI || e.sourceFile}`))")

    def close(self):
        self.context.close()
        assert not self.violations, "; ".join(self.violations)

    def _refuse(self, route):
        self.violations.append(f"asked another server: {route.request.url}")
        route.abort()

    def _console(self, message):
        if message.type not in ("error", "warning"):
            return
        status = re.search(r"status of (\d+)", message.text)
        if status and int(status[1]) in self.expected_statuses:
            return
        if self.expects_outage and re.search(r"ERR_|WebSocket connection|not be read|status of 50", message.text):
            return
        self.violations.append(f"console {message.type}: {message.text}")

    # What a user does.

    def open(self, view="trade"):
        self.page.goto(f"{self.origin}/#/{view}")

    def sign_in(self):
        self.page.get_by_label("Your name").fill(self.user)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def enter(self, view="trade"):
        """Signs in, opens the account, and waits for live prices."""
        self.open()
        self.sign_in()
        self.page.get_by_role("button", name="Open account").click()
        self.page.locator("#floor").wait_for()
        self.until_live()
        if view != "trade":
            self.go(view)

    def until_live(self):
        self.page.locator("#link-state[data-state=live]").wait_for()

    def go(self, view):
        self.page.locator(f"#tabs a[href='#/{view}']").click()
        self.page.locator(f"#view-{view}").wait_for()

    def choose(self, symbol):
        self.page.locator("label.watch-row", has=self.page.locator(f"input[value='{symbol}']")).click()

    def place(self, side, quantity, symbol="AAPL", limit=None):
        page = self.page
        self.choose(symbol)
        self.press_segment(side)
        self.press_segment("Limit" if limit else "Market")
        page.locator("#quantity").fill(str(quantity))
        if limit:
            page.get_by_label("Limit price").fill(limit)
        page.locator("#place").click()

    def press_segment(self, name):
        self.page.locator(".segments label:visible").get_by_text(name, exact=True).locator("..").click()

    def order(self, state, words=""):
        """The topmost order in `state`, waited for."""
        found = self.page.locator(f"li.order[data-state={state}]").filter(has_text=words).first
        found.wait_for()
        return found

    # What is looked at.

    def shoot(self, name):
        """A screenshot into the folder asked for, if one was."""
        if self._shots:
            self.page.screenshot(path=f"{self._shots}/{name}.png")

    def text(self, selector):
        return self.page.locator(selector).inner_text()

    def until(self, condition, words):
        """Waits until `condition()` is true."""
        deadline = time.monotonic() + PATIENCE_MILLIS / 1000
        while not condition():
            assert time.monotonic() < deadline, f"never came true: {words}"
            self.page.wait_for_timeout(100)

    def until_history(self, count, symbol=""):
        """Searches again and again until the history shows `count` trades: it follows executions after a while."""
        page = self.page
        rows = page.locator("#trades:not([aria-busy]) tbody tr").filter(has_text=symbol)

        def searched():
            with page.expect_response("**/v1/trades?*"):
                page.locator("#filters [type=submit]").click()
            page.locator("#trades:not([aria-busy])").wait_for()
            page.wait_for_timeout(200)
            return rows.count() == count

        self.until(searched, f"{count} trades show in the history")

    def until_candles(self):
        """The analytics follow executions after a while; the view reads them again every ten seconds."""
        self.page.locator("#candles .candle").first.wait_for(state="attached")

    def ask(self, path):
        """JSON of a GET with the page's own token."""
        return self.page.evaluate(
            """async (path) => {
              const token = JSON.parse(sessionStorage.getItem("weir.token"));
              return (await fetch(path, { headers: { Authorization: `Bearer ${token}` } })).json();
            }""", path)
