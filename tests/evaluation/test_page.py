import re
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest

from darl.evaluation.numerals import MISSING
from darl.evaluation.page import html
from darl.evaluation.svg import add_axes, colour, draw
from tests.evaluation.made import judged
from tests.evaluation.reports import report_of, round_of, runs_of, slices_of

EVIL = '<script>alert(1)</script><img src=x onerror="y"> & $x_1$'
MODELS = {"plain": 0.0, "data only": 0.5, "darl": 1.0}
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Tags with their attributes, and whether every one was closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def text():
    return html(report_of(notes=["A note to read."], title="The title", models=MODELS))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_it_is_well_formed(page):
    assert page.open == []
    assert page.all("html") == [{"lang": "en"}]


def test_it_needs_nothing_from_elsewhere(text, page):
    assert not re.search(r"https?://|@import|<link|<script|<img|<iframe", text)
    assert [found for found in re.findall(r"url\((.)", text) if found != "#"] == []
    policy = [meta for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0]["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_ids_are_distinct_and_every_reference_has_one(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = {attrs["href"][1:] for _, attrs in page.tags if attrs.get("href", "").startswith("#")}
    wanted |= {attrs["clip-path"][5:-1] for _, attrs in page.tags if "clip-path" in attrs}
    wanted |= {attrs["aria-labelledby"] for _, attrs in page.tags if "aria-labelledby" in attrs}
    assert wanted
    assert wanted <= set(ids)


def test_figures_speak_and_table_headers_have_a_scope(page):
    images = [attrs for _, attrs in page.tags if attrs.get("role") == "img"]
    assert len(images) == len(page.all("svg")) > 0
    assert all(len(image["aria-label"]) > 20 for image in images)
    assert all(head["scope"] in ("col", "row", "rowgroup") for head in page.all("th"))
    assert len(page.all("table")) == len(page.all("thead"))


def test_every_plot_is_there(page):
    # 3 metrics and their 3 gaps, 3 reliability diagrams, 3 models x 3 slices of grades and again of scores, 3
    # curves of risk and coverage, 1 round.
    assert len(page.all("svg")) == 6 + 3 + 9 + 9 + 3 + 1
    assert len([table for table in page.all("table") if table.get("class") == "matrix"]) == 9


def test_it_stays_small(text):
    assert len(text.encode()) < 1_000_000


def test_it_is_made_for_phones_and_the_dark(text, page):
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    assert "@media (prefers-color-scheme: dark)" in text
    # Plots take their colours from the page: no fixed one is left in them.
    svgs = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}", svgs)) == set()
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", svgs))
    assert {"ink", "muted", "grid", "model-0", "model-1", "grade-0", "grade-2"} <= used
    assert all(text.count(f"--{name}:") == 2 for name in used)


def test_it_says_the_numbers(text):
    report = report_of(models=MODELS)
    row, found = (
        report.row_at["darl", "far_ood", "macro_f1"],
        report.difference_at["darl", "far_ood", "macro_f1"],
    )
    assert f"{row.value:.3f}" in text
    assert f"[{row.low:.3f}, {row.high:.3f}]" in text
    assert f"+{found.value:.3f}" in text
    assert "3,000 labels (400 selected)" in text
    assert "A note to read." in text
    assert "<h1>The title</h1>" in text


def test_names_cannot_inject():
    rng = np.random.default_rng(0)
    slices = {**slices_of(rng, 60, names=("in_dist",)), EVIL: slices_of(rng, 60, names=("x",))["x"]}
    runs = runs_of(rng, slices, {EVIL: 0.0, "b": 1.0}, 1)
    text = html(report_of(runs=runs, rounds=[round_of(rng, EVIL)], title=EVIL, notes=[EVIL]))
    page = Page(text)
    assert page.open == []
    assert not page.all("script")
    assert not page.all("img")
    assert not any("onerror" in attrs for _, attrs in page.tags)
    assert EVIL in "".join(page.words)


def test_undefined_is_a_dash_with_its_reason():
    grades = np.tile([0, 1], 20)
    one = judged(grades, np.full((40, 3), 1 / 3), np.arange(40) // 4)
    text = html(report_of(runs={"m": {"in_dist": [one]}}, rounds=[]))
    reason = "gold has no pair of grade &#39;c&#39; or above"
    assert f'<span title="{reason}">{MISSING}</span><sup><a href="#note-1"' in text
    assert f'<li id="note-1">{reason}</li>' in text
    assert "Gold of in_dist has no pair graded c" in text


@pytest.mark.parametrize("k", [2, 5])
def test_other_scales(k):
    page = Page(html(report_of(k=k, n=100, seeds=1, models={"m": 1.0}, names=("in_dist", "far_ood"))))
    assert page.open == []
    matrix_cells = [attrs for attrs in page.all("td") if attrs.get("style", "").startswith("--share")]
    assert len(matrix_cells) == 2 * k * k


def test_one_model_one_slice_one_query():
    one = judged([0, 2], [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], [0, 0])
    page = Page(html(report_of(runs={"m": {"far": [one]}}, rounds=[])))
    assert page.open == []
    assert "m reaches a Macro-F1 of 1.000 on far." in " ".join(page.words)


def test_a_slice_without_pairs():
    rng = np.random.default_rng(0)
    runs = runs_of(rng, slices_of(rng, 40, names=("in_dist",)), {"m": 0.0}, 1)
    runs["m"]["far_ood"] = [judged([], np.empty((0, 3)))]
    assert "the slice has no pairs" in html(report_of(runs=runs, rounds=[]))


class TestSVG:
    def paint(self, figure):
        panel = add_axes(figure)
        panel.plot([0, 1], [0, 1], color=colour("model-1"))
        panel.set_title('a < b & $x_1$ id="y"')

    def test_is_the_same_every_time_whatever_the_reader_set(self):
        first = draw("n", self.paint)
        with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False}):
            assert draw("n", self.paint) == first
            assert matplotlib.rcParams["font.size"] == 30

    def test_ids_begin_with_the_name(self):
        ids = re.findall(r'<\w+ [^>]*?\bid="([^"]+)"', draw("n", self.paint))
        assert ids
        assert all(found.startswith("n-") for found in ids)

    def test_text_stays_text_as_written(self):
        assert 'a &lt; b &amp; $x_1$ id="y"' in draw("n", self.paint)

    def test_no_time_no_font_no_size(self):
        text = draw("n", self.paint)
        assert re.match(r'<svg viewBox="0 0 340 235" aria-hidden="true" focusable="false">', text)
        assert not re.search(r"metadata|font-family|<style|matplotlib", text)
