"""Learning curves on the page."""

import re

import numpy as np
import pytest

from darl.errors import ConfigError
from darl.evaluation.page import html
from tests.evaluation.reports import outlook_of, report_of
from tests.evaluation.test_page import EVIL, Page


@pytest.fixture(scope="module")
def outlooks():
    rng = np.random.default_rng(0)
    first = outlook_of(rng, "darl", metrics=("macro_f1", "brier"))
    return [first, outlook_of(rng, "darl", 1, 2, stop=True), outlook_of(rng, EVIL, rounds=1)]


@pytest.fixture(scope="module")
def text(outlooks):
    return html(report_of(models={"plain": 0.0, "darl": 1.0, EVIL: 0.5}, outlooks=outlooks))


def test_the_first_seed_is_drawn_and_all_are_told(text):
    page = Page(text)
    assert page.open == []
    # As without them, and two metrics of darl and one of the other.
    assert len(page.all("svg")) == 6 + 3 + 9 + 9 + 3 + 1 + 3
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    assert [one for one in captions if ", stage 2, seed" in one][:2] == [
        "darl, stage 2, seed 0: Macro-F1",
        "darl, stage 2, seed 0: Brier",
    ]
    words = " ".join(page.words)
    assert "Darl, stage 2, seed 1: 100 labels selected in 2 of 4 rounds" in words
    assert "Rounds end here: the next is not worth it." in words
    assert "no estimate: a curve takes 3 points, and there are 1" in words
    assert not page.all("script")


def test_the_next_round_is_told_with_its_interval(text, outlooks):
    ahead = outlooks[0].outlook.curves[0].forecast
    assert f"valid {ahead.gain:.3f} [{ahead.gain_low:.3f}, {ahead.gain_high:.3f}]" in text
    assert "Gain of the next 50 labels:" in text


def test_an_early_end_is_told_first(text):
    assert "A stop rule ended the rounds of darl (seed 1, stage 2) after 2 of 4" in text
    assert text.index("A stop rule ended") < text.index("Models on every slice")


def test_a_report_without_rounds_has_no_such_section():
    assert "Is another round worth its labels?" not in html(report_of())


def test_a_model_that_is_not_in_the_report():
    with pytest.raises(ConfigError, match="outlooks: expected one of plain, darl, received 'x'"):
        report_of(outlooks=[outlook_of(np.random.default_rng(0), "x")])
