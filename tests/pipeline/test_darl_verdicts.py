"""What the findings of a study of DaRL say: worked out from made-up findings, and the page that tells it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from darl.evaluation.closed import NO_DISTANCE
from darl.evaluation.metrics import metrics_for
from darl.grades import GradeScale
from darl.pipeline.darl_page import Studied, reported, write_page
from darl.pipeline.darl_recipes import PARTS
from darl.pipeline.darl_rows import Less, Result, Share
from darl.pipeline.darl_study import expand
from darl.pipeline.darl_tables import check_rows, earned_rows, main_rows
from darl.pipeline.darl_verdicts import checks, earned, reached
from darl.pipeline.environment import environment
from darl.pipeline.experiment import load_experiment
from tests.pipeline.made_darl import darl_raw, saved

SCALE = GradeScale(("no", "weak", "yes"))
METRICS = reported(SCALE)
PLACES = ("in_dist", "near_ood", "ood", "gap:ood")
TONES = {"better": (0.01, 0.03), "worse": (-0.03, -0.01), "noise": (-0.01, 0.02), "unknown": (None, None)}


def less(tone):
    low, high = TONES[tone]
    return Less(0.005 if low is None else (low + high) / 2, low, high, tone)


def result(rival, metric="macro_f1", place="ood", *, labels=80, closed=None, value=0.5, **tones):
    against = {other: less(tone) for other, tone in tones.items()}
    return Result(
        "x", place, metric, rival, "", 800, labels, value, 0.4, 0.6, (value,), against, closed, 400, 40
    )


def findings(closed=Share(0.6, 0.3, 0.9), labels=80, changed=()):  # noqa: B008
    """The recipe better than random out of distribution, and nowhere worse; but for what is changed."""
    found = []
    for metric in (metric.name for metric in METRICS):
        for place in PLACES:
            tones = {"plain": "noise", "random": "better" if place == "ood" else "noise"}
            tones |= dict(changed).get((metric, place), {})
            share = None if place.startswith("gap") else closed
            found.append(result("darl", metric, place, labels=labels, closed=share, **tones))
    return found


def answers(found):
    return [one.answer for one in checks(found, METRICS)]


def test_all_that_must_be_reached():
    found = checks(findings(), METRICS)
    assert [one.answer for one in found] == ["yes"] * 5
    assert reached(found) == "yes"
    assert [one.told for one in found] == [
        "80 beside 800", "0.600 [0.300, 0.900]", "+0.020 [0.010, 0.030]", "18 comparisons", "6 comparisons",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "which", "told"),
    [
        ({"labels": 81}, 0, "81 beside 800"),
        ({"closed": Share(0.499, 0.4, 0.6)}, 1, "0.499 [0.400, 0.600]"),
        ({"closed": Share(None, None, None, NO_DISTANCE)}, 1, NO_DISTANCE),
        ({"changed": [(("macro_f1", "ood"), {"random": "noise"})]}, 2, "+0.005"),
        ({"changed": [(("ece", "near_ood"), {"random": "worse"})]}, 3, "ECE on near_ood \N{MINUS SIGN}0.020"),
        ({"changed": [(("qwk", "in_dist"), {"plain": "worse"})]}, 4, "Weighted kappa on in_dist"),
    ],
)
def test_what_is_not_reached_says_where(more, which, told):
    found = checks(findings(**more), METRICS)
    assert [i for i, one in enumerate(found) if one.answer == "no"] == [which]
    assert told in found[which].told
    assert reached(found) == "no"


def test_out_of_distribution_it_may_fall_below_plain_and_a_gap_is_no_slice():
    changed = [
        (("qwk", "ood"), {"plain": "worse"}),
        (("qwk", "gap:ood"), {"plain": "worse", "random": "worse"}),
    ]
    assert answers(findings(changed=changed)) == ["yes"] * 5


def test_what_was_not_run_is_not_known():
    assert answers([]) == ["unknown"] * 5
    assert answers([result("darl")]) == ["yes"] + ["unknown"] * 4
    assert reached(checks([], METRICS)) == "unknown"
    assert reached(checks([result("darl", labels=100)], METRICS)) == "no"


@pytest.mark.parametrize(
    ("inside", "outside", "words"),
    [
        ("noise", "worse", "earns its place"),
        ("better", "noise", "does harm"),
        ("better", "worse", "gives and takes"),
        ("noise", "noise", "not shown to bring anything"),
        ("unknown", "unknown", "not shown to bring anything"),
    ],
)
def test_a_part_earns_its_place_where_the_recipe_is_better_for_it(inside, outside, words):
    """The rows hold what is without it less the recipe: a part without which it is worse brings something."""
    found = [
        result("no_dasa", place=place, darl=tone) for place, tone in (("in_dist", inside), ("ood", outside))
    ]
    (one,) = earned(found)
    assert (one.label, one.part, one.words) == ("no_dasa", "DASA", words)
    turned = one.gains["ood", "macro_f1"]
    own = found[1].less["darl"]
    assert turned.value == -own.value
    assert (turned.low, turned.high) == ((None, None) if own.low is None else (-own.high, -own.low))
    assert (turned.tone, own.tone) in {("better", "worse"), ("worse", "better"), (own.tone, own.tone)}


def test_other_metrics_do_not_decide():
    found = [result("no_dasa", place=place, darl="noise") for place in ("in_dist", "ood")]
    found += [result("no_dasa", "qwk", place, darl="worse") for place in ("in_dist", "ood")]
    assert earned(found)[0].words == "not shown to bring anything"


def test_tables_of_the_terminal():
    found = [result("plain", place=place, labels=0, random="worse") for place in PLACES]
    found += [result("darl", place=place, random="better", closed=Share(0.6, 0.3, 0.9)) for place in PLACES]
    headers, rows = main_rows(found, "macro_f1")
    assert headers == ["rival", "labels", "in_dist", "near_ood", "ood", "gap (in_dist less ood)", "closed"]
    minus = "\N{MINUS SIGN}"
    assert rows[0] == ["plain", "0", *[f"0.500 ({minus}0.020▼)"] * 4, "\N{EN DASH}"]
    assert rows[1] == ["darl", "80", *["0.500 (+0.020▲)"] * 4, "0.600 [0.300, 0.900]"]
    none = result("darl", closed=Share(None, None, None, NO_DISTANCE))
    assert main_rows([none], "macro_f1")[1] == [["darl", "80", "0.500", NO_DISTANCE]]
    assert check_rows(checks([], METRICS))[0][1:] == ["unknown", "darl was not run"]
    parts = [result("no_dasa", place=place, darl="worse") for place in ("in_dist", "ood")]
    cell = "+0.020 [0.010, 0.030] ▲"
    assert earned_rows(earned(parts), "macro_f1") == [["DASA", cell, cell, "earns its place"]]
    assert earned_rows(earned(parts), "qwk") == [["DASA", "earns its place"]]


@pytest.fixture
def shop(tmp_path, tiny_llm):
    return load_experiment(saved(tmp_path, darl_raw(tiny_llm)))


def studied(name, experiment, found):
    trial = expand(experiment)
    return Studied(name, trial.experiment, trial.recipe, found, environment())


def whole():
    """The recipe, its rivals and its parts, on the scale of the experiment."""
    found = []
    for one in findings():
        found.append(one)
        share = one.closed and Share(None, None, None, NO_DISTANCE)
        found.append(result("random", one.metric, one.slice, plain="noise", darl="noise", closed=share))
        found += [result(label, one.metric, one.slice, random="noise", darl="worse") for label in PARTS]
    names = {metric.name: other.name for metric, other in zip(METRICS, reported(GradeScale()), strict=True)}
    return sorted(
        (Result(**vars(one) | {"metric": names[one.metric]}) for one in found), key=lambda one: one.rival
    )


def test_the_page_has_verdicts_tables_and_plots(shop, tmp_path):
    pages = tmp_path / "docs"
    write_page([studied("shop", shop, whole())], pages / "study.md", "darl study darl shop.yaml")
    page = (pages / "study.md").read_text(encoding="utf-8")
    assert "```sh\ndarl study darl shop.yaml\n```" in page
    assert "reached on the generated corpus (shop); not settled on a real corpus." in page
    assert "| nowhere significantly below random | **yes**: 18 comparisons |" in page
    for part in PARTS.values():
        assert f"| shop | {part} | +0.020 [0.010, 0.030] ▲ |" in page
        assert f"| {part} | Weighted kappa | **+0.020 [0.010, 0.030] ▲** |" in page
    titles = [metric.title for metric in reported(GradeScale())]
    assert re.findall(r"^### (.*)$", page, re.M) == [
        "Share of the distance closed", *titles[:-1], "ECE (less is better)", "Without each part",
    ]  # fmt: skip
    assert "| darl | 80 | 0.500 [0.400, 0.600]<br>+0.005 [" in page
    assert "| random | \N{EN DASH} |" in page
    assert "6 labels (knn(k=3) on frozen, dasa), stages ground ▸ reach; 2 seed(s)" in page
    drawn = re.findall(r"!\[[^]]*\]\((.*)\)", page)
    assert drawn == ["study-shop.svg", "study-shop-random.svg"]
    for name in drawn:
        root = ElementTree.fromstring((pages / name).read_text(encoding="utf-8"))
        words = {element.text for element in root.iter() if element.text}
        assert {"darl", "no_dasa"} <= words
        assert "#0100" not in (pages / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"labels": 80}, "reached on a real corpus (real)"),
        ({"labels": 90}, "not reached on a real corpus"),
    ],
)
def test_a_real_corpus_counts_by_itself(shop, tmp_path, found, told):
    data = shop.data.model_copy(update={"train": str(saved(tmp_path, {}, "train.jsonl"))})
    real = studied("real", shop, findings(**found))
    real = real._replace(experiment=real.experiment.model_copy(update={"data": data}))
    write_page([real], tmp_path / "study.md", "")
    page = (tmp_path / "study.md").read_text(encoding="utf-8")
    assert f"not settled on the generated corpus; {told}." in page
    assert "```" not in page


def test_the_metrics_are_there():
    assert {metric.name for metric in METRICS} <= set(metrics_for(SCALE))
