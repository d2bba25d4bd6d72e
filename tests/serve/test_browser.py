"""The pages in a real browser: ranking, gauge, abstain mark, keyboard, phone, keys, drift."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import httpx2
import pytest

from tests.serve.made import DOCUMENTS, QUERY
from tests.serve.process import Running

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

KEY = "browser-key-0123456789"
ITEMS = [text.strip() for text in DOCUMENTS if text]
PATIENCE = 60_000
PHONE = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        # Root has no sandbox; whoever else runs the tests does.
        rootless = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = started.chromium.launch(executable_path=CHROMIUM, args=rootless)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def url(folder):
    with Running(folder) as server:
        yield server.url


@contextmanager
def opened(browser, address, **context):
    """A page; nothing may go wrong in its scripts, and nothing may be loaded from elsewhere."""
    with browser.new_context(**context) as made:
        made.set_default_timeout(PATIENCE)
        page = made.new_page()
        faults, asked = [], []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        yield page
        assert faults == []
        assert all(one.startswith(("http://127.0.0.1:", "data:")) for one in asked)


def rank(page, query=QUERY, items=ITEMS):
    page.fill("#query", query)
    page.fill("#items", "\n".join(items))
    page.click("#rank")
    page.wait_for_selector("#results li")


def fits(page):
    """Whether nothing is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_items_are_ranked_with_bars_gauge_and_mark(browser, url):
    asked = {"query": QUERY, "documents": ITEMS, "darl": True}
    expected = httpx2.post(f"{url}/v2/rerank", json=asked).json()["results"]
    with opened(browser, url) as page:
        page.wait_for_function("document.getElementById('about').textContent.includes('grades')")
        rank(page)
        shown = page.locator("#results li")
        assert shown.locator(".item").all_inner_texts() == [ITEMS[one["index"]] for one in expected]
        for row, one in enumerate(expected):
            told, item = one["darl"], shown.nth(row)
            head = item.locator(".head .score").inner_text()
            assert head == f"{told['grade']} · {one['relevance_score']:.3f}"
            meters = item.get_by_role("meter").all()
            values = [float(meter.get_attribute("aria-valuenow")) for meter in meters]
            shares = [100 * share for share in told["grade_probs"].values()]
            assert values == pytest.approx([*shares, told["ood_percentile"]], abs=0.06)
            bars = [meter.locator(".fill").bounding_box()["width"] for meter in meters]
            tracks = [meter.bounding_box()["width"] for meter in meters]
            drawn = [100 * bar / track for bar, track in zip(bars, tracks, strict=True)]
            assert drawn == pytest.approx(values, abs=2)
            assert item.locator(".bars.far").count() == (told["ood_percentile"] >= 95)
            assert ("abstains" in item.inner_text()) == told["abstain"]
        marks = {one["darl"]["abstain"] for one in expected}
        assert marks == {True, False}  # or the mark was not tried


def test_by_keyboard_alone(browser, url):
    with opened(browser, url) as page:
        focused = lambda: page.evaluate("document.activeElement.id")  # noqa: E731
        page.keyboard.press("Tab")
        assert focused() == "example"
        page.keyboard.press("ArrowDown")
        page.wait_for_function("document.getElementById('query').value.includes('insurance')")
        page.keyboard.press("Tab")
        assert focused() == "query"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.keyboard.press("Control+A")
        page.keyboard.type("warm coat")
        page.keyboard.press("Tab")
        assert focused() == "items"
        page.keyboard.press("Control+A")
        page.keyboard.type("parka")
        page.keyboard.press("Enter")
        page.keyboard.type("kettle")
        page.keyboard.press("Tab")  # the summary of the key
        page.keyboard.press("Tab")
        assert focused() == "rank"
        page.keyboard.press("Enter")
        page.wait_for_selector("#results li")
        assert sorted(page.locator(".item").all_inner_texts()) == ["kettle", "parka"]
        page.focus("#query")
        page.keyboard.type(" for men")
        page.keyboard.press("Enter")
        page.wait_for_function("!document.getElementById('rank').disabled")
        assert page.locator("#results li").count() == 2


def test_on_a_phone(browser, url):
    with opened(browser, url, **PHONE) as page:
        assert fits(page)
        rank(page, "x" * 80, ["unbrokenlongword" * 20, "parka"])
        assert fits(page)
        for name in ("#query", "#items", "#rank"):
            box = page.locator(name).bounding_box()
            assert box["height"] >= 36
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360
        # Text of 16 px and more is not zoomed into when it is tapped.
        assert page.evaluate("parseFloat(getComputedStyle(document.getElementById('query')).fontSize)") >= 16


def test_texts_are_shown_and_not_run(browser, url):
    with opened(browser, url) as page:
        rank(page, items=["<img src=x onerror=\"document.title='run'\"> coat"])
        assert page.locator("#results img").count() == 0
        assert page.locator(".item").inner_text().startswith("<img")
        assert page.title() == "darl: try it"


def test_refusals_are_told_and_a_key_is_sent(browser, folder):
    with Running(folder, DARL_SERVE_KEYS=KEY) as server, opened(browser, server.url) as page:
        page.click("#rank")
        page.wait_for_function("document.getElementById('message').textContent.startsWith('401')")
        page.click("summary")
        page.fill("#key", KEY)
        rank(page)
        assert page.locator("#message").inner_text() == ""
        assert page.locator("#results li").count() == len(ITEMS)
        assert KEY not in page.url
        page.goto(f"{server.url}/drift")
        page.wait_for_function("document.getElementById('message').textContent.startsWith('401')")
        page.click("summary")
        page.fill("#key", KEY)
        page.click("#refresh")
        page.wait_for_selector("#plots svg")


@pytest.mark.parametrize("context", [{}, PHONE, {"color_scheme": "dark"}], ids=["wide", "phone", "dark"])
def test_drift_is_drawn(browser, url, context):
    for number in range(40):
        body = {"query": f"{'long ' * 30}{number}", "documents": ITEMS, "darl": {"domain": "shop"}}
        assert httpx2.post(f"{url}/v2/rerank", json=body).status_code == 200
    with opened(browser, f"{url}/drift", **context) as page:
        page.wait_for_selector("#plots svg")
        told = httpx2.get(f"{url}/drift").json()
        assert page.locator("#plots figcaption").all_inner_texts() == list(told["measures"])
        for row, one in enumerate(told["measures"].values()):
            figure = page.locator("#plots figure").nth(row)
            assert figure.locator("rect").count() == len(one["observed"])
            assert figure.locator("path.usual").count() == 1
            assert ("alarm" in figure.inner_text()) == one["alarm"]
        assert told["measures"]["query_length"]["alarm"] is True
        ticks = page.locator("#plots figure").nth(list(told["measures"]).index("grade")).locator("svg text")
        assert ticks.all_text_contents()[-3:] == told["grades"] == ["irrelevant", "weak", "strong"]
        assert page.locator("#slice option").all_inner_texts() == ["all", "domain:shop", "other"]
        page.select_option("#slice", "other")
        assert page.locator("#heading").inner_text() == "other"
        assert page.locator("#table tr").count() == 4
        assert fits(page)
