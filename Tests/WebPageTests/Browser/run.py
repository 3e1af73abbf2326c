"""Drives the page of a real gateway with a real browser.

    python run.py --gateway "weir up --port {port} ..." --browser /usr/bin/chromium [--only NAME ...] [--shots FOLDER]
        [--renew]

Starts the gateway, runs every scenario in a tab of its own, stops the gateway. Prints one JSON line per scenario:
{"name": ..., "failure": null or words, "seconds": ...}. Exit code 0 when all were run, whatever came out.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from playwright.sync_api import sync_playwright

import faults
import pictures
import scenarios
from desk import Desk
from gateway import Gateway

UNIT = Path(__file__).resolve().parent / "unit"


def unit_tests(desk):
    """The page's pure modules, run in the browser as it loads them; yields (name, failure)."""
    desk.page.route("**/unit/*.js", lambda route: route.fulfill(
        path=UNIT / route.request.url.rsplit("/", 1)[1], content_type="text/javascript"))
    desk.open()
    for file in sorted(UNIT.glob("*.test.js")):
        yield from desk.page.evaluate("""async (file) => {
          const { tests } = await import(`/unit/${file}`);
          return Object.entries(tests).map(([name, test]) => {
            try {
              test();
              return [`${file}: ${name}`, null];
            } catch (error) {
              return [`${file}: ${name}`, String(error)];
            }
          });
        }""", file.name)


def pure_modules(desk):
    """Every test of the folder unit passes."""
    failures = [f"{name}: {failure}" for name, failure in unit_tests(desk) if failure]
    assert not failures, "\n".join(failures)


def report(name, action):
    began, failure = time.monotonic(), None
    try:
        action()
    except Exception as error:  # Whatever goes wrong is the scenario's result.
        # Where in the scenario, and why: playwright's own frames and its log of tries say little.
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.name == name]
        failure = f"line {lines[-1] if lines else '?'}: {str(error)[:1500] or type(error).__name__}"
    print(json.dumps({"name": name, "failure": failure, "seconds": round(time.monotonic() - began, 1)}), flush=True)


def run(browser, gateway, scenario, takes_gateway, shots, renews):
    if gateway.is_down():
        gateway.start()
    desk = Desk(browser, gateway.origin, shots=shots, renews=renews)
    try:
        scenario(*((desk, gateway) if takes_gateway else (desk,)))
    except BaseException:
        desk.shoot(f"failed-{scenario.__name__}")
        desk.context.close()
        raise
    desk.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--browser", required=True)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--shots")
    parser.add_argument("--renew", action="store_true", help="store what the picture scenarios see")
    options = parser.parse_args()
    # A test runner may have blocked signals, and what is started here would inherit that: SIGTERM must reach it. It ends
    # this script by an exception, so that the gateway and the browser are ended, too.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    table = [(one, False) for one in (pure_modules, *scenarios.ALL, *pictures.ALL)] + [(one, True) for one in faults.ALL]
    with tempfile.TemporaryDirectory(prefix="weir-page-") as folder, sync_playwright() as playwright:
        gateway = Gateway(options.gateway.replace("{folder}", folder), f"{folder}/gateway.log")
        # The sandbox needs rights that a container has not; the only pages it sees are ours.
        browser = playwright.chromium.launch(
            executable_path=options.browser, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        try:
            gateway.start()
            for scenario, takes_gateway in table:
                if not options.only or scenario.__name__ in options.only:
                    report(scenario.__name__, lambda: run(
                        browser, gateway, scenario, takes_gateway, options.shots, options.renew))
        finally:
            browser.close()
            gateway.stop()


if __name__ == "__main__":
    sys.exit(main())
