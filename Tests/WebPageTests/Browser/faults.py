"""What the page does when the network or the server fails it. Faults are made in the browser's own network, and by
stopping the server; each scenario gets a desk and the gateway (gateway.py)."""

import json
import time


def _orders_routed(desk, handler):
    """Sends every POST of an order to `handler(route, attempt)`; returns the (key, body) pairs as they were sent."""
    sent = []

    def route(route):
        if route.request.method != "POST":
            return route.fallback()
        sent.append((route.request.headers["idempotency-key"], route.request.post_data))
        handler(route, len(sent))

    desk.page.route("**/v1/orders", route)
    return sent


def _trades(desk, expected):
    """The user's trades, waited for until there are as many as expected."""
    desk.until(lambda: len(desk.ask("/v1/trades?limit=50")["trades"]) >= expected, f"{expected} trades in the history")
    return desk.ask("/v1/trades?limit=50")["trades"]


def lost_answer_is_one_order(desk, gateway):
    """The server takes the order, its answer is lost: the page sends the same bytes under the same key; one trade."""
    desk.enter()
    desk.expects_outage = True

    def lose_first(route, attempt):
        answer = route.fetch()
        if attempt == 1:
            return route.abort("connectionreset")
        route.fulfill(response=answer)

    sent = _orders_routed(desk, lose_first)
    desk.place("Buy", 11, "AAPL")
    desk.order("FILLED", "Buy 11 AAPL")
    assert len(sent) >= 2 and len(set(sent)) == 1, f"sent {sent}"
    assert len(_trades(desk, 1)) == 1
    assert "You hold 11 " in desk.text("#quote-position")


def busy_server_is_tried_again(desk, gateway):
    """429 and 503 are waited out as Retry-After says, then the order goes through under its key."""
    desk.expected_statuses |= {429, 503}
    desk.enter()
    times = []

    def refuse_twice(route, attempt):
        times.append(time.monotonic())
        if attempt > 2:
            return route.continue_()
        body = {"type": "https://weir.dev/problems/busy", "title": "Too busy", "status": (429, 503)[attempt - 1], "detail": "Come back later."}
        route.fulfill(status=body["status"], headers={"Retry-After": "2", "Content-Type": "application/problem+json"}, body=json.dumps(body))

    sent = _orders_routed(desk, refuse_twice)
    desk.place("Buy", 3, "KO")
    assert "Come back later." in desk.order("RETRYING").inner_text()
    desk.order("FILLED", "Buy 3 KO")
    assert len(set(sent)) == 1
    assert all(after - before >= 2 for before, after in zip(times, times[1:])), "Retry-After was not kept to"


def reload_in_the_middle_of_an_order(desk, gateway):
    """A reload while the order is on its way: it is taken up again under its key, and placed once."""
    desk.enter()

    def hold_first(route, attempt):
        if attempt > 1:
            route.continue_()

    sent = _orders_routed(desk, hold_first)
    desk.place("Buy", 6, "V")
    desk.order("SENDING", "Buy 6 V")
    desk.until(lambda: len(sent) == 1, "the order leaves")
    desk.page.reload()
    desk.order("FILLED", "Buy 6 V")
    assert len(sent) == 2 and sent[0] == sent[1]
    assert len(_trades(desk, 1)) == 1


def pending_is_shown_until_the_outcome(desk, gateway):
    """An order without an outcome yet shows as pending, across a reload too."""
    desk.enter()
    held = []
    desk.page.route("**/v1/orders/*", lambda route: route.fulfill(json={"orderId": "x", "status": "PENDING"}) if not held else route.continue_())
    desk.place("Buy", 2, "JPM")
    desk.order("PENDING", "Buy 2 JPM")
    desk.page.reload()
    desk.order("PENDING", "Buy 2 JPM")
    held.append("over")
    desk.order("FILLED", "Buy 2 JPM")


def expired_sign_in_loses_nothing(desk, gateway):
    """A token that the server no longer takes leads to the sign-in; what was typed and what was placed is still there."""
    desk.expected_statuses |= {401}
    desk.enter()
    over = []
    body = {"type": "https://weir.dev/problems/unauthorized", "title": "Not signed in", "status": 401, "detail": "The token has expired."}
    desk.page.route("**/v1/orders", lambda route: route.fulfill(status=401, json=body) if not over else route.continue_())
    desk.place("Buy", 9, "WMT")
    desk.page.get_by_text("Your sign-in has ended").wait_for()
    over.append("signed in again")
    desk.sign_in()
    desk.order("FILLED", "Buy 9 WMT")
    assert len(_trades(desk, 1)) == 1


def stores_that_are_down_say_so(desk, gateway):
    """A view whose store is away says what the server said, offers another try, and the rest of the page goes on."""
    desk.expected_statuses |= {503}
    desk.enter()
    down = ["yes"]
    body = {"type": "https://weir.dev/problems/unavailable", "title": "History is away", "status": 503, "detail": "Elasticsearch does not answer."}
    desk.page.route("**/v1/trades?*", lambda route: route.fulfill(status=503, json=body) if down else route.continue_())
    desk.go("history")
    failure = desk.page.locator("#trades .failure")
    failure.wait_for()
    assert "History is away" in failure.inner_text() and "Elasticsearch does not answer." in failure.inner_text()
    assert desk.text("#link-state") == "Live"
    down.clear()
    failure.get_by_role("button", name="Try again").click()
    desk.page.get_by_text("No trades yet.").wait_for()


def prices_that_stand_still_are_marked(desk, gateway):
    """A symbol that is not heard of for a while is marked as old, and no longer once it moves."""
    desk.page.clock.install()
    silent = []

    def through(socket):
        server = socket.connect_to_server()
        server.on_message(lambda message: None if silent and '"AAPL"' in message else socket.send(message))

    desk.page.route_web_socket("**/v1/prices", through)
    desk.enter()
    row = desk.page.locator("label.watch-row", has=desk.page.locator("input[value=AAPL]"))
    desk.until(lambda: row.locator(".watch-change").inner_text() != "", "AAPL has a price")
    silent.append("AAPL")
    desk.page.wait_for_timeout(1_000)
    desk.page.clock.fast_forward(16_000)
    desk.until(lambda: "stale" in row.get_attribute("class"), "AAPL is marked")
    silent.clear()
    desk.until(lambda: "stale" not in row.get_attribute("class"), "AAPL is no longer marked")


def comes_back_after_a_restart(desk, gateway):
    """The server stops: the page says so and keeps trying; it starts again: prices are live and orders go through."""
    desk.enter()
    desk.expects_outage = True
    gateway.stop()
    desk.until(lambda: desk.text("#link-state") == "Reconnecting…", "the page says that it is cut off")
    assert desk.page.locator("#floor").is_visible(), "an outage took the page away"
    desk.place("Buy", 8, "META")
    desk.order("RETRYING", "Buy 8 META")
    gateway.start()
    desk.until_live()
    price = desk.text("#quote-price")
    desk.until(lambda: desk.text("#quote-price") != price, "prices move again")
    desk.order("FILLED", "Buy 8 META")
    assert len(_trades(desk, 1)) == 1


ALL = [
    lost_answer_is_one_order, busy_server_is_tried_again, reload_in_the_middle_of_an_order, pending_is_shown_until_the_outcome,
    expired_sign_in_loses_nothing, stores_that_are_down_say_so, prices_that_stand_still_are_marked, comes_back_after_a_restart,
]
