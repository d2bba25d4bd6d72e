"""An audit as a page."""

from __future__ import annotations

import re

import pytest

from darl.evaluation.audit_listing import listings
from darl.evaluation.audit_page import PAGE_ROWS, balance_plot, html
from tests.evaluation.audits import made_audit
from tests.evaluation.test_page import EVIL, Page


@pytest.fixture(scope="module")
def text():
    return html(made_audit())


def test_it_is_well_formed_and_needs_nothing_from_elsewhere(text):
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not re.findall(r"(?:src|href)=[\"'](?!#)", text)


def test_every_table_is_on_it(text):
    page = Page(text)
    words = " ".join(page.words)
    tables = listings(made_audit(), PAGE_ROWS)
    for listing in tables:
        assert listing.title in words
        for row in listing.rows:
            assert all(cell in words for cell in row)
    assert len(page.all("table")) == len(tables)


def test_the_plot_is_also_told_in_words():
    plot = balance_plot(made_audit())
    assert plot.label == (
        "train: irrelevant 50%, weak 17% and strong 33%; valid: irrelevant 50%, weak 50% and strong 0%."
    )
    assert "<svg" in plot.svg


def test_texts_of_files_are_never_taken_for_code():
    text = html(made_audit(rename=lambda text: text + EVIL))
    assert Page(text).open == []
    assert "<script" not in text
    assert "<img" not in text


def test_the_same_audit_gives_the_same_bytes(text):
    assert html(made_audit()) == text
