"""What users do at the page. Each scenario gets a desk (desk.py) of its own; its docstring says what must come out."""

import re
from decimal import Decimal

import looks


def sign_in_and_account(desk):
    """A name that is none is refused at its field; a good one signs in, opens an account once, and survives a reload."""
    page = desk.page
    desk.open()
    page.get_by_role("button", name="Sign in", exact=True).click()
    assert desk.text("#user-id-error") == "Enter a name."
    page.get_by_label("Your name").fill("no name!")
    page.keyboard.press("Enter")
    assert "letters, digits" in desk.text("#user-id-error")
    assert page.get_by_label("Your name").get_attribute("aria-invalid") == "true"
    desk.sign_in()
    page.get_by_role("button", name="Open account").click()
    page.locator("#floor").wait_for()
    assert desk.text("#figure-total") == desk.text("#figure-cash") != ""
    assert desk.text("#user-name") == desk.user
    page.reload()
    page.locator("#floor").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.locator("#sign-in").wait_for()
    assert page.evaluate("sessionStorage.getItem('weir.token')") is None
    desk.sign_in()
    page.locator("#floor").wait_for()
    assert not page.locator("#no-account").is_visible()


def token_sign_in(desk):
    """A pasted token signs in; text that is none is refused; where there is no sign-in by name the page asks for a token."""
    page = desk.page
    desk.open()
    token = page.evaluate("""async (userId) => (await (await fetch("/v1/dev/token", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ userId }) })).json()).token""", desk.user)
    page.route("**/v1/dev/token", lambda route: route.fulfill(status=404, body="{}"))
    desk.sign_in()
    page.get_by_text("does not sign in by name").wait_for()
    page.get_by_label("Token", exact=True).fill("a.b")
    page.get_by_role("button", name="Continue").click()
    assert "no token" in desk.text("#token-error")
    page.get_by_label("Token", exact=True).fill(f"  {token}\n")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Open account").wait_for()


def live_prices_move(desk):
    """Prices, changes and sparklines move without anything being done."""
    desk.enter()
    rows = desk.page.locator(".watch-row")
    assert rows.count() >= 2, "there is nothing to watch"
    line = rows.first.locator(".spark-line")
    price, path, quote = rows.first.locator(".watch-price").get_attribute("title"), line.get_attribute("d"), desk.text("#quote-price")
    desk.until(lambda: rows.first.locator(".watch-price").get_attribute("title") != price, "the first price moves")
    desk.until(lambda: line.get_attribute("d") not in (path, ""), "its sparkline moves")
    desk.until(lambda: desk.text("#quote-price") != quote, "the chosen price moves")
    assert re.fullmatch(r"[−+]?[\d,]+\.\d\d %", rows.first.locator(".watch-change").inner_text())
    desk.page.locator("#quote-chart svg[aria-label^='AAPL']").wait_for()


def order_by_clicking(desk):
    """An order placed by clicking is filled and appears in the portfolio, the history and the analytics; selling ends it."""
    page = desk.page
    desk.enter()
    desk.place("Buy", 25, "MSFT")
    filled = desk.order("FILLED", "Buy 25 MSFT")
    amount = re.match(r"([\d,.]+) at ([\d,.]+)", filled.locator(".order-detail").inner_text())
    notional, price = (Decimal(text.replace(",", "")) for text in amount.groups())
    assert notional == 25 * price, "the amount is not shares times price"
    desk.until(lambda: "You hold 25 at" in desk.text("#quote-position"), "the position shows beside the price")
    desk.go("portfolio")
    row = page.locator("#positions tbody tr").filter(has_text="MSFT")
    row.wait_for()
    assert row.locator("td").first.inner_text() == "25"
    desk.go("history")
    desk.until_history(1, "MSFT")
    desk.go("analytics")
    page.get_by_label("Symbol").locator("visible=true").select_option("MSFT")
    desk.until_candles()
    page.locator(".ranking li").filter(has_text="MSFT").wait_for()
    desk.go("trade")
    desk.place("Sell", 25, "MSFT")
    desk.order("FILLED", "Sell 25 MSFT")
    desk.until(lambda: "You hold no MSFT" in desk.text("#quote-position"), "the position ends")
    assert desk.text("#figure-invested") == "0.00"


def rejected_order_shows_its_reason(desk):
    """A limit far below the price is advised against, accepted, and rejected by the job with its reason."""
    desk.enter()
    desk.place("Buy", 5, "NVDA", limit="1.00")
    rejected = desk.order("REJECTED", "Buy 5 NVDA")
    assert "Limit not met" in rejected.inner_text() and "the limit 1.00" in rejected.inner_text()
    desk.page.locator(".toast.bad").filter(has_text="rejected").wait_for()
    assert desk.text("#figure-total") == desk.text("#figure-cash")


def refused_order_shows_the_problem(desk):
    """What the server refuses at once (problem+json) is shown with its words, and was no order."""
    desk.expected_statuses |= {409, 422}
    desk.enter()
    desk.page.get_by_label("Shares").locator("visible=true").fill("7")
    desk.place("Sell", 7, "KO")
    refused = desk.order("REFUSED", "Sell 7 KO")
    assert len(refused.locator(".order-detail").inner_text()) > 10
    desk.page.locator(".toast.bad").wait_for()


def ticket_is_judged_as_it_is_typed(desk):
    """Cost is exact; errors stand at their fields, and the first of them gets the focus; nothing wrong is sent."""
    page = desk.page
    desk.enter()
    sent = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page.locator("#place").click()
    assert desk.text("#quantity-error") == "Enter how many shares."
    assert page.evaluate("document.activeElement.id") == "quantity"
    for typed, words in (("1.5", "Whole shares"), ("0", "at least 1"), ("1000000001", "at most")):
        page.get_by_label("Shares").locator("visible=true").fill(typed)
        assert words in desk.text("#quantity-error"), typed
    page.get_by_label("Shares").locator("visible=true").fill("3")
    assert not page.locator("#quantity-error").is_visible()
    desk.press_segment("Limit")
    page.get_by_label("Limit price").fill("0.00001")
    page.locator("#place").click()
    assert "more than four decimals" in desk.text("#limit-price-error")
    page.get_by_label("Limit price").fill("12345678.9012")
    assert desk.text("#cost-amount") == "37,037,036.7036"
    assert "more than your cash" in desk.text("#ticket-advice")
    assert sent == []
    page.reload()
    page.locator("#floor").wait_for()
    assert page.get_by_label("Limit price").input_value() == "12345678.9012", "a reload lost what was typed"


def keyboard_only(desk):
    """The whole way from the sign-in to a filled order with the keyboard, the focus always to be seen."""
    page = desk.page
    keys = page.keyboard

    def focused():
        return page.evaluate("""() => {
          const element = document.activeElement;
          const shown = element.matches("[type=radio]") ? (element.nextElementSibling?.matches("span") && !element.closest(".watch-row")
            ? element.nextElementSibling : element.parentElement) : element;
          const style = getComputedStyle(shown);
          return { tag: element.tagName, id: element.id, name: element.name ?? "", value: element.value ?? "", href: element.getAttribute("href"),
            text: element.textContent.trim().slice(0, 80), seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
        }""")

    def tab_to(wanted, words):
        for _ in range(40):
            keys.press("Tab")
            at = focused()
            if at["tag"] == "BODY":
                continue  # Past the last stop, before the first one again.
            assert at["seen"], f"the focus on {at} cannot be seen"
            if wanted(at):
                return
        raise AssertionError(f"the Tab key never reaches {words}")

    desk.open()
    page.locator("#sign-in").wait_for()
    tab_to(lambda at: at["href"] == "#main", "the skip link")
    tab_to(lambda at: at["id"] == "user-id", "the name")
    keys.type(desk.user)
    keys.press("Enter")
    page.locator("#no-account").wait_for()
    tab_to(lambda at: at["id"] == "open-account", "the account button")
    keys.press("Enter")
    desk.until_live()
    tab_to(lambda at: at["name"] == "watched", "the prices")
    first = focused()["value"]
    keys.press("ArrowDown")
    chosen = focused()["value"]
    assert chosen != first and desk.text("#quote-symbol") == chosen, "an arrow key does not move the choice"
    tab_to(lambda at: at["name"] == "side", "the side")
    tab_to(lambda at: at["id"] == "quantity", "the shares")
    keys.type("2")
    tab_to(lambda at: at["name"] == "type", "the kind of price")
    tab_to(lambda at: at["id"] == "place", "the button")
    assert focused()["text"] == f"Buy 2 {chosen}"
    keys.press("Enter")
    desk.order("FILLED", f"Buy 2 {chosen}")
    assert focused()["id"] == "quantity", "the next order does not begin at its first field"
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    tab_to(lambda at: at["href"] == "#main" or at["href"] == "#/analytics", "the sections")
    tab_to(lambda at: at["href"] == "#/analytics", "the analytics")
    keys.press("Enter")
    page.locator("#view-analytics").wait_for()
    assert page.evaluate("document.activeElement.id") == "analytics-title", "the new view does not get the focus"


def history_is_searched_and_paged(desk):
    """Filters narrow the history, live in the address, and survive a reload; pages follow one another and back."""
    page = desk.page
    desk.enter()
    for index in range(3):
        desk.place("Buy", index + 1, "KO" if index else "V")
        desk.order("FILLED", f"Buy {index + 1} ")
    desk.go("history")
    rows = page.locator("#trades tbody tr")
    desk.until_history(3)
    page.locator("#filter-symbol").select_option("KO")
    page.locator("#filters [type=submit]").click()
    desk.until(lambda: rows.count() == 2, "the filter leaves two")
    assert "symbol=KO" in page.url
    page.reload()
    desk.until(lambda: rows.count() == 2 and page.locator("#filter-symbol").input_value() == "KO", "a reload keeps the filter")
    page.locator("#filters [type=reset]").click()
    desk.until(lambda: rows.count() == 3, "clearing shows all")
    page.locator("#filter-q").fill("sell")
    page.keyboard.press("Enter")
    page.get_by_text("No trades match these filters.").wait_for()
    page.locator("#filters [type=reset]").click()
    # Pages of one trade instead of 25, so that three trades make three pages.
    page.route("**/v1/trades?*", lambda route: route.continue_(url=re.sub(r"limit=\d+", "limit=1", route.request.url)))
    page.locator("#filters [type=submit]").click()
    seen = []
    for number in (1, 2, 3):
        desk.until(lambda: f"Page {number}" in desk.text("#pages") and rows.count() == 1, f"page {number} shows")
        seen.append(rows.first.inner_text())
        if number < 3:
            page.get_by_role("button", name="Older").click()
    assert len(set(seen)) == 3, "a trade shows on two pages"
    page.get_by_role("button", name="Newer").click()
    desk.until(lambda: "Page 2" in desk.text("#pages") and rows.first.inner_text() == seen[1], "back on page 2")


def analytics_by_keyboard(desk):
    """The chart is a figure with a name, its bars can be walked with the arrows, its figures read as a table."""
    page = desk.page
    desk.enter()
    desk.place("Buy", 4, "AAPL")
    desk.order("FILLED")
    desk.go("analytics")
    desk.until_candles()
    page.locator("#candles").focus()
    page.keyboard.press("End")
    page.locator("#candles .candle.chosen").wait_for()
    page.keyboard.press("Home")
    desk.until(lambda: page.locator("#candles .candle").first.get_attribute("class").endswith("chosen"), "Home goes to the first bar")
    page.keyboard.press("Escape")
    desk.until(lambda: page.locator("#candles .candle.chosen").count() == 0, "Escape leaves the bars")
    page.get_by_text("Show the figures as a table").click()
    desk.until(lambda: page.locator("#candles-table tbody tr").count() == page.locator("#candles .candle").count(), "a row for each bar")
    with page.expect_response("**/v1/analytics/top?by=notional"):
        desk.press_segment("Amount")


def looks_right(desk):
    """Every view, light and dark, wide and 360 pixels narrow: nothing runs over, all can be read, named and hit."""
    page = desk.page
    desk.expected_statuses |= {409, 422}
    desk.open()
    page.locator("#sign-in").wait_for()
    wrong = [f"sign-in: {flaw}" for flaw in looks.flaws(page)]
    desk.enter()
    desk.place("Buy", 12, "AAPL")
    desk.order("FILLED")
    desk.place("Sell", 999, "BRK.B")
    desk.order("REFUSED")
    desk.place("Buy", 3, "NVDA", limit="0.0001")
    desk.order("REJECTED")
    # In one turn of the page: a toast also goes by itself, and the next would then have its place.
    page.evaluate("document.querySelectorAll('.toast button').forEach((dismiss) => dismiss.click())")
    assert page.locator(".toast").count() == 0, "a dismissed toast is still there"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width, relations in ((1440, looks.WIDE), (1024, None), (360, looks.NARROW)):
            page.set_viewport_size({"width": width, "height": 800})
            for view in looks.WIDE:
                desk.open(view)
                page.locator(f"#view-{view}").wait_for()
                if view == "analytics":
                    page.locator(".ranking").wait_for()
                if view == "history":
                    desk.until_history(1)
                where = f"{scheme} {width} {view}"
                wrong += [f"{where}: {flaw}" for flaw in looks.flaws(page)]
                wrong += [f"{where}: {flaw}" for flaw in looks.misplaced(page, relations[view] if relations else [])]
                desk.shoot(where.replace(" ", "-"))
            bright = looks.brightness(page)
            assert bright > 200 if scheme == "light" else bright < 60, f"{scheme} has brightness {bright}"
    assert not wrong, "\n".join(wrong)


def planted_flaws_are_found(desk):
    """What looks.py is there to find, it finds: each flaw is planted, reported, and taken away again."""
    page = desk.page
    desk.open()
    page.locator("#sign-in").wait_for()
    planted = {
        "has contrast": ("#user-id-hint", "color", "rgb(170, 170, 170)"),
        "has a border of contrast": ("#user-id", "borderColor", "rgb(235, 235, 235)"),
        "wide in a window": ("#sign-in", "cssText", "width: 3000px; max-width: none"),
        "reaches out of the window": ("#sign-in", "cssText", "position: relative; left: 900px"),
        "cuts off": (".lead", "cssText", "overflow: hidden; white-space: nowrap; width: 40px"),
        "to hit": ("#theme", "cssText", "min-height: 0; height: 12px"),
    }
    for words, (selector, name, value) in planted.items():
        before = page.eval_on_selector(selector, "(element, [name, value]) => { const was = element.style.cssText; element.style[name] = value; return was; }", [name, value])
        found = looks.flaws(page)
        assert any(words in flaw for flaw in found), f"{words}: not found on {selector}: {found}"
        page.eval_on_selector(selector, "(element, was) => { element.style.cssText = was; }", before)
    page.evaluate("document.querySelector('#theme').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('.lead').id = 'theme'")
    page.evaluate("document.querySelector('#user-id').setAttribute('aria-describedby', 'nothing')")
    found = "; ".join(looks.flaws(page))
    for words in ("has no name", "the id theme is given twice", "names nothing"):
        assert words in found, f"{words}: not found: {found}"
    assert looks.misplaced(page, [("#sign-in", "above", "header")]), "a relation that does not hold was not found"


def theme_is_kept(desk):
    """The button goes through system, light and dark; a choice wins over the system and survives a reload, without a flash."""
    page = desk.page
    page.emulate_media(color_scheme="light")
    desk.open()
    button = page.locator("#theme")
    assert button.get_attribute("aria-label") == "Theme: as the system"
    button.click()
    button.click()
    assert button.get_attribute("aria-label") == "Theme: dark" and looks.brightness(page) < 60
    # Without its modules only the script of the head runs: what it does is there at the first paint.
    page.route("**/js/app.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page.reload()
    assert looks.brightness(page) < 60


ALL = [
    sign_in_and_account, token_sign_in, live_prices_move, order_by_clicking, rejected_order_shows_its_reason,
    refused_order_shows_the_problem, ticket_is_judged_as_it_is_typed, keyboard_only, history_is_searched_and_paged,
    analytics_by_keyboard, looks_right, planted_flaws_are_found, theme_is_kept,
]
