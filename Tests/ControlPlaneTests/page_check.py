"""The page about jobs in a real browser, against a weir server.

    python page_check.py URL BROWSER GUARDED-URL TOKEN [SHOTS]

The job `counting` runs with parallelism 2 and checkpoints; at the end it is stopped, and submitted by nobody again. The job
`endless` runs until it is cancelled here, the job `broken` has failed. GUARDED-URL: a server without jobs that asks for TOKEN.
Prints what was checked; a failed check ends with its traceback. SHOTS: a folder for screenshots.
"""

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Error, expect, sync_playwright

url, browser_path, guarded, token = sys.argv[1:5]
shots = Path(sys.argv[5]) if len(sys.argv) > 5 else None
done, problems = [], []

CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("h1, h2, td, th, p, dt, dd, button, a, .badge")]
    .filter((e) => e.innerText?.trim() && e.checkVisibility() && !e.disabled)
    .map((e) => { const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.className + ":" + e.innerText.slice(0, 30)]; })
    .filter(([ratio]) => ratio < 4.5);
}"""


def check(name, holds, seen=None):
    assert holds, f"{name}: {seen!r}"
    done.append(name)


def looks(page, name):
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(150)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            check(f"{name} does not scroll sideways at {width}", wide <= 0, wide)
            pale = page.evaluate(CONTRAST)
            check(f"{name} can be read in {scheme}", pale == [], pale)
            if shots:
                page.screenshot(path=shots / f"{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")


def tell(page, path, change):
    """The page gets the server's documents at `path` (an expression) with `change` made to them."""
    def answer(route):
        try:
            response = route.fetch()
            document = response.json()
            change(document)
            route.fulfill(response=response, json=document)
        except Error:
            pass  # the page was closed meanwhile
    page.route(re.compile(path), answer)


BARS = """() => [...document.querySelectorAll(".graph .node")].map((node) => ["idle", "busy", "back"].map((kind) => {
  const bar = node.querySelector(`.bar-${kind}`);
  return [Number(bar.getAttribute("x")), Number(bar.getAttribute("width")), getComputedStyle(bar).fill];
}))"""
CHART = """(label) => (document.querySelector(`[aria-label^="${label}"] path`)?.getAttribute("d").match(/[ML][\\d.]+ [\\d.]+/g) ?? [])
  .map((point) => [point[0], ...point.slice(1).split(" ").map(Number)])"""


def known_figures(page, address):
    """What the page draws of figures that are known: the bars of the graph, the lines of throughput and lag."""
    def spend(vertex):
        for subtask in vertex["subtasks"]:
            subtask["weir"].update(busy=0.5, backPressured=0.25, idle=0.25)
    rates, lags = iter([100, 50]), iter([4, None])

    def hurry(job):
        job["weir"].update(recordsInPerSecond=next(rates, 0), lagRecords=next(lags, 8))
    tell(page, r"/v1/jobs/[0-9a-f]{32}/vertices/[0-9a-f]{32}$", spend)
    tell(page, r"/v1/jobs/[0-9a-f]{32}$", hurry)
    page.goto(address)
    page.wait_for_function(f"() => ({CHART})('Records per second').length >= 4")
    idle, busy, back = "rgb(91, 143, 176)", "rgb(217, 142, 4)", "rgb(197, 54, 44)"
    drawn = page.evaluate(BARS)
    check("bars show the parts of the last second in their colours",
          len(drawn) == 2 and all(bars == [[12, 216, idle], [12, 108, busy], [120, 54, back]] for bars in drawn), drawn)
    legend = page.evaluate("[...document.querySelectorAll('.legend rect')].map((rect) => getComputedStyle(rect).fill)")
    check("the legend has the same colours", legend == [busy, back, idle], legend)
    expect(page.locator(".graph .node").first).to_contain_text("busy 50 % · back-pressured 25 %")
    line = page.evaluate(CHART, "Records per second")
    check("throughput is one line from its highest value at the top to nothing at the bottom",
          [point[0] for point in line] == ["M"] + ["L"] * (len(line) - 1) and line[0][1] == 0 and line[-1][1] == 100
          and [point[2] for point in line] == [1, 15] + [29] * (len(line) - 2), line)
    line = page.evaluate(CHART, "Lag")
    check("lag is interrupted where it is not known", line[0] == ["M", 0, 15] and line[1][0] == "M" and line[1][2] == 1
          and all(point[0] == "L" and point[2] == 1 for point in line[2:]), line)
    expect(page.locator("dt:has-text('Lag') + dd")).to_have_text("8")


expect.set_options(timeout=60_000)  # a machine that runs other tests besides
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
    page = browser.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    origin = urlsplit(url).netloc
    page.on("request", lambda request: problems.append(request.url) if urlsplit(request.url).netloc != origin else None)

    page.goto(url)
    link = page.get_by_role("link", name="counting")
    expect(link).to_be_visible()
    expect(page.locator("#cluster")).to_contain_text("2 running")
    expect(page.locator(".badge").first).to_have_text("RUNNING")
    looks(page, "jobs")
    link.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="counting")).to_be_visible()
    boxes = page.locator(".graph .node")
    expect(boxes).to_have_count(2)
    expect(page.locator(".graph .ship")).to_have_text("HASH")
    rows = page.get_by_role("region", name="Subtasks").locator("tbody tr")
    expect(rows).to_have_count(2)
    boxes.first.focus()
    page.keyboard.press("Enter")
    expect(boxes.first).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("heading", name="Subtasks of numbers")).to_be_visible()
    before = page.locator("dt:has-text('Checkpoints') + dd").first.inner_text()
    page.wait_for_function("before => document.querySelectorAll('dd')[2].innerText !== before", arg=before)
    check("the page is live", True)
    check("the focus stays where it was", page.evaluate("document.activeElement.classList.contains('node')"))
    page.get_by_text("Settings", exact=True).click()
    expect(page.get_by_role("region", name="Settings")).to_contain_text("checkpoint.interval")
    page.get_by_text("Log", exact=True).click()
    expect(page.locator("pre")).to_contain_text("counting begins")
    page.wait_for_timeout(1200)
    expect(page.locator("pre")).to_be_visible()
    looks(page, "job")

    watching = browser.new_page()
    known_figures(watching, page.url)
    watching.close()

    boxes.last.click()
    check("what a chain without readers sent is not told", page.evaluate("document.querySelectorAll('.graph .fact')[2].textContent").endswith("– out"))
    latencies = page.get_by_role("region", name="Operators").locator("tbody tr").last.locator("td").last
    expect(latencies).to_contain_text("s")
    check("an unknown lag is no line", page.evaluate("document.querySelector('[aria-label^=Lag] path').getAttribute('d')") == "")

    page.get_by_role("button", name="Savepoint").click()
    expect(page.get_by_role("dialog")).to_contain_text("Savepoint of counting")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Savepoint").click()
    page.get_by_role("button", name="Write a savepoint").click()
    said = page.locator("[role=status]").last
    expect(said).to_contain_text("Savepoint: /")
    check("the savepoint is where the page says", Path(said.inner_text().removeprefix("Savepoint: ")).is_dir(), said.inner_text())
    page.get_by_role("button", name="Savepoint").click()
    page.get_by_label("Folder").fill("relative/folder")
    page.get_by_role("button", name="Write a savepoint").click()
    expect(said).to_contain_text("absolute")

    page.get_by_role("button", name="Rescale").click()
    page.get_by_label("Parallelism").fill("3")
    page.get_by_role("dialog").get_by_role("button", name="Rescale").click()
    expect(page.get_by_role("region", name="Subtasks").locator("tbody tr")).to_have_count(3)

    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_contain_text("Cancel counting?")
    check("the careful answer has the focus", page.evaluate("document.activeElement.innerText") == "Keep it as it is")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.wait_for_timeout(500)
    expect(page.locator(".top .badge")).to_have_text("RUNNING")

    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop the job").click()
    expect(page.locator(".top .badge")).to_have_text("FINISHED")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()

    page.get_by_role("link", name="← All jobs").click()
    page.get_by_role("link", name="broken").click()
    expect(page.locator(".top .badge")).to_have_text("FAILED")
    expect(page.get_by_role("region", name="Failures")).to_contain_text("the record is bad")
    expect(page.get_by_role("region", name="Failures")).to_contain_text("source 'one' read elements at ")
    looks(page, "failed")

    page.get_by_role("link", name="← All jobs").click()
    page.get_by_role("link", name="endless").click()
    expect(page.locator(".top .badge")).to_have_text("RUNNING")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator(".top .badge")).to_have_text("CANCELED")
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_disabled()
    jobs = page.request.get(f"{url}/jobs/overview").json()["jobs"]
    ended = {job["name"]: (job["state"], job["weir"]["pid"]) for job in jobs}
    check("what was cancelled has ended, with its process", ended["endless"] == ("CANCELED", None), ended)

    page.goto(f"{url}/#/jobs/{'0' * 32}")
    expect(page.locator(".error")).to_contain_text("there is no job")
    # What is refused is told in the console, too.
    problems = [problem for problem in problems if "404" not in problem and "400" not in problem]
    check("nothing went wrong, nothing was loaded from elsewhere", problems == [], problems)

    page.close()
    page = browser.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(guarded)
    expect(page.get_by_role("heading", name="This server asks for a token")).to_be_visible()
    check("the token's field has the focus", page.evaluate("document.activeElement.id") == "token")
    page.get_by_label("Token").fill("another")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Token")).to_have_value("")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    check("the token is kept by this tab alone", page.evaluate("localStorage.length") == 0 and page.evaluate("document.cookie") == "")
    check("nothing went wrong behind the token", broken == [], broken)
    browser.close()

print(f"{len(done)} checks passed")
