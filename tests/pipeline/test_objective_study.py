"""A study of objectives: what it trains, what it compares, and the page that it leaves."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import asdict
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml

from darl.catalogue import Component
from darl.errors import ConfigError
from darl.objectives.catalogue import OBJECTIVES
from darl.pipeline.experiment import load_experiment
from darl.pipeline.objective_page import Studied, told, write_page
from darl.pipeline.objective_rows import RIVAL, Outcome, outcome_rows
from darl.pipeline.objective_study import ALL, expand, parse_objectives, study_objectives
from darl.pipeline.study import ROWS
from darl.training.config import TOGETHER
from tests.cli.test_cli import darl
from tests.pipeline.conftest import EXPERIMENT
from tests.training.test_loop import Stop, StopAfter

TRIED = {"coral": Component(name="coral"), "weighted": ALL["weighted"]}


def saved(folder, backbone, **changes):
    raw = copy.deepcopy(EXPERIMENT) | {"seeds": [0, 1]} | changes
    raw["model"]["backbone"] = str(backbone)
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture
def experiment(tmp_path, tiny_llm):
    return load_experiment(saved(tmp_path, tiny_llm))


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_llm):
    """A finished study and its folder."""
    folder = tmp_path_factory.mktemp("objectives")
    experiment = load_experiment(saved(folder, tiny_llm))
    found = study_objectives({"shop": experiment}, folder / "out", objectives=TRIED, command="darl study ...")
    return found, folder / "out"


def at(found, objective, metric="accuracy", place="far_ood"):
    (one,) = [row for row in found if (row.objective, row.metric, row.slice) == (objective, metric, place)]
    return one


def test_every_objective_from_the_baselines_first_stage(done):
    found, out = done
    assert list(dict.fromkeys(one.objective for one in found)) == [RIVAL, "coral", "weighted"]
    assert {one.slice for one in found} == {"valid", "in_dist", "far_ood"}
    assert len(list((out / "shop" / "stages" / "seed-1").iterdir())) == 3
    rows = [json.loads(line) for line in (out / ROWS).read_text().splitlines()]
    assert rows == [json.loads(json.dumps(asdict(one))) for one in found]
    checked = json.loads((out / "shop" / "experiment.json").read_text())
    assert {one["stages"][0]["items_per_query"] for one in checked["recipes"].values()} == {TOGETHER}
    assert {one["stages"][0]["epochs"] for one in checked["recipes"].values()} == {1}


def test_differences_are_to_softmax(done):
    found, _ = done
    for place in ("in_dist", "far_ood"):
        own, rival = at(found, "coral", "brier", place), at(found, RIVAL, "brier", place)
        assert own.less == pytest.approx(own.value - rival.value)
        assert own.less_low <= own.less_high
        assert own.value == pytest.approx(np.mean(own.by_seed))
        assert len(own.by_seed) == 2
        assert (rival.less, rival.tone) == (None, "")
        outside = own.less_low > 0 or own.less_high < 0
        assert own.tone == (("worse" if own.less > 0 else "better") if outside else "noise")
    assert (at(found, "coral").pairs, at(found, "coral").component) == (20, "coral")


def test_the_values_are_those_of_the_report(done):
    found, out = done
    report = json.loads((out / "shop" / "report.json").read_text())
    values = {
        (row["model"], row["slice"], row["metric"]): row["value"]
        for row in report["rows"]
        if row["value"] is not None and not row["slice"].startswith("gap:")
    }
    assert {
        (one.objective, one.slice, one.metric): pytest.approx(one.value, abs=1e-6) for one in found
    } == values


def test_the_page_has_every_number_and_its_plot(done):
    found, out = done
    page = (out / "objectives.md").read_text(encoding="utf-8")
    assert "```sh\ndarl study ...\n```" in page
    assert "| weighted | soft_grades + 0.2 in_query_contrast |" in page
    assert "40 training pairs" in page
    for title in ("Macro-F1", "F1 of weak", "Weighted kappa", "Pairwise accuracy", "nDCG@10"):
        assert f"### {title}\n" in page
    for title in ("ECE", "AURC"):
        assert f"### {title} (less is better)\n" in page
    for one in found:
        if one.metric == "qwk":
            assert f"{one.value:.3f}".replace("-", "\N{MINUS SIGN}") in page
    (name,) = re.findall(r"!\[[^]]*\]\((.*)\)", page)
    svg = (out / name).read_text(encoding="utf-8")
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = {element.text for element in root.iter() if element.text}
    assert {"coral", "weighted", "in_dist", "far_ood", "AURC (less is better)"} <= words
    assert "var(" not in svg
    assert "#0100" not in svg  # no stand-in colour is left


def outcome(objective, metric, tone, place="far", low=0.01, high=0.03):
    less = None if objective == RIVAL else (low + high) / 2
    return Outcome(
        "x", place, metric, objective, objective, 0.5, 0.4, 0.6, (0.5,), less, low, high, tone, 20, 4
    )


def test_the_page_tells_what_stands_out(done, experiment, tmp_path):
    found = [outcome(RIVAL, metric, "") for metric in ("qwk", "ece", "macro_f1")]
    found += [outcome("coral", "qwk", "better"), outcome("coral", "ece", "worse")]
    found += [outcome("coral", "macro_f1", "noise", low=-0.02), outcome("coral", "qwk", "better", "near")]
    found += [outcome(RIVAL, "qwk", "", "near")]
    expanded = expand(experiment, {RIVAL: Component(name=RIVAL), "coral": Component(name="coral")})
    machine = json.loads((done[1] / "shop" / "environment.json").read_text())
    write_page([Studied("shop", expanded, found, [], 40, machine)], tmp_path / "page.md", "")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "Of 4 comparisons on test slices 2 are significantly better than softmax and 1 worse" in page
    assert "| coral | Weighted kappa: far, near | ECE: far |" in page
    assert "| coral | 0.500<br>**+0.020 [0.010, 0.030] ▲** | 0.500<br>**+0.020 [0.010, 0.030] ▲** |" in page
    assert "| coral | 0.500<br>**+0.020 [0.010, 0.030] ▼** |" in page
    assert "| coral | 0.500<br>+0.005 [\N{MINUS SIGN}0.020, 0.030] |" in page
    assert "| softmax | 0.500 [0.400, 0.600] |" in page
    assert "```" not in page
    assert (tmp_path / "page-shop.svg").exists()


def test_the_table_marks_what_is_significant():
    found = [outcome(RIVAL, "qwk", ""), outcome("a", "qwk", "better"), outcome("b", "qwk", "worse")]
    found += [outcome("c", "qwk", "noise"), outcome("c", "ece", "noise", "near")]
    slices, rows = outcome_rows(found, "qwk")
    assert slices == ["far"]
    assert rows == [
        [RIVAL, "0.500"],
        ["a", "0.500 (+0.020▲)"],
        ["b", "0.500 (+0.020▼)"],
        ["c", "0.500 (+0.020)"],
    ]


def test_unless_told_otherwise_all_objectives_are_tried():
    assert set(ALL) == set(OBJECTIVES)
    assert next(iter(ALL)) == RIVAL
    for label, one in ALL.items():
        terms = one.arguments.get("terms", ())
        names = {term if isinstance(term, str) else term["name"] for term in terms} or {one.name}
        assert label in names | {one.name}
    assert told(ALL["confidence_penalty"]) == "softmax + 0.1 confidence_penalty"


def test_a_stage_that_keeps_items_together_stays_as_it_is(experiment, tmp_path, tiny_llm):
    assert (
        expand(experiment, {"coral": Component(name="coral")}).recipes["coral"].stages[0].items_per_query == 1
    )
    raw = copy.deepcopy(EXPERIMENT["recipes"])
    raw["plain"]["stages"][0]["items_per_query"] = 2
    other = load_experiment(saved(tmp_path, tiny_llm, recipes=raw))
    assert expand(other, ALL).recipes["weighted"].stages[0].items_per_query == 2


def test_it_goes_on_where_it_stopped(experiment, tmp_path):
    whole = study_objectives({"shop": experiment}, tmp_path / "whole", objectives=TRIED)
    with pytest.raises(Stop):
        study_objectives({"shop": experiment}, tmp_path / "out", objectives=TRIED, progress=StopAfter(150))
    assert not (tmp_path / "out" / ROWS).exists()
    again = study_objectives({"shop": experiment}, tmp_path / "out", objectives=TRIED, resume=True)
    assert again == whole
    pages = [(tmp_path / part / "objectives.md").read_text() for part in ("whole", "out")]
    assert pages[0] == pages[1]
    with pytest.raises(ConfigError, match="begun with another recipes"):
        study_objectives({"shop": experiment}, tmp_path / "out", objectives=ALL, resume=True)


def test_all_that_does_not_fit_is_told_before_anything_is_trained(experiment, tmp_path):
    tried = {
        "alone": Component(name="confidence_penalty"),
        "heavy": Component(name="focal", class_weights=[1, 2]),
        "fine": Component(name="corn"),
    }
    with pytest.raises(ConfigError) as caught:
        study_objectives({"shop": experiment}, tmp_path / "out", objectives=tried)
    assert caught.value.faults == (
        "Tiny: alone: objective: sees no grades: make it a term beside one that does",
        "Tiny: heavy: class_weights: expected 3 numbers, one for each grade, received 2",
    )
    assert not (tmp_path / "out").exists()


def test_a_first_stage_that_selects(tmp_path, tiny_llm):
    raw = copy.deepcopy(EXPERIMENT["recipes"])
    raw["darl"]["stages"] = raw["darl"]["stages"][1:]
    experiment = load_experiment(saved(tmp_path, tiny_llm, recipes=raw, report={"baseline": "darl"}))
    with pytest.raises(ConfigError, match="expected a first stage without a round"):
        expand(experiment, TRIED)


@pytest.mark.parametrize("label", ["a/b", ""])
def test_labels_that_are_no_names(experiment, label):
    with pytest.raises(ConfigError, match="give the objective another label"):
        expand(experiment, {label: Component(name="coral")})


def test_nothing_beside_the_rival(experiment):
    with pytest.raises(ConfigError, match="only softmax, which the others are compared with: add one"):
        expand(experiment, {RIVAL: Component(name=RIVAL)})


def test_objectives_as_they_are_typed():
    typed = {"a": "coral", "b": ["softmax", {"name": "focal", "weight": 2}], "softmax": {"name": "softmax"}}
    parsed = parse_objectives(
        {key: {"name": one} if isinstance(one, str) else one for key, one in typed.items()}
    )
    assert parsed["b"].arguments["weights"] == [1, 2]
    with pytest.raises(ConfigError) as caught:
        parse_objectives(
            {"a": {"name": "hinge"}, "b": {"name": "focal", "gamma": -1}, "softmax": {"name": "corn"}}
        )
    assert len(caught.value.faults) == 3
    assert "give the objective another label" in caught.value.faults[2]


def test_from_the_command_line(tmp_path, tiny_llm):
    path = saved(tmp_path, tiny_llm, seeds=[0])
    arguments = ["study", "objectives", path, "--out", tmp_path / "out"]
    assert "expected one of macro_f1" in darl(*arguments, "--metric", "f2", code=1).stderr
    listed = "[softmax, {name: confidence_penalty, weight: 0.3}]"
    assert "expected a label before it" in darl(*arguments, "--objective", listed, code=1).stderr
    page = tmp_path / "docs" / "page.md"
    told = darl(
        *arguments, "--objective", "corn", "--objective", f"unsure={listed}", "--metric", "pairwise",
        "--page", page
    ).stdout  # fmt: skip
    assert "shop: pairwise (less that of softmax" in told
    assert "page.md" in told
    text = page.read_text(encoding="utf-8")
    assert f"darl study objectives {path}" in text
    assert "| unsure | softmax + 0.3 confidence_penalty |" in text
    assert (page.parent / "page-shop.svg").exists()
    labels = {json.loads(line)["objective"] for line in (tmp_path / "out" / ROWS).open()}
    assert labels == {RIVAL, "corn", "unsure"}
