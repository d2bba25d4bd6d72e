"""A study of strategies: what it runs, what it compares, and that it goes on where it stopped."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from darl.catalogue import Component
from darl.cli.study import command
from darl.errors import ConfigError
from darl.pipeline.experiment import load_experiment
from darl.pipeline.selection_rows import labels_for
from darl.pipeline.selection_study import expand, parse_strategies, study_selection
from darl.pipeline.study import ROWS
from tests.training.test_loop import Stop, StopAfter

STRATEGIES = {"margin": Component(name="margin"), "near": Component(name="ood_band", upper=1.0)}


@pytest.fixture
def experiment(raw, write):
    raw["seeds"] = [0, 1]
    raw["report"]["baseline"] = "darl"  # of no meaning here
    return load_experiment(write(raw, "shop.yaml"))


def study(experiment, out, **more):
    return study_selection({"shop": experiment}, out, strategies=STRATEGIES, budgets=[8, 4], **more)


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_llm):
    """A finished study and its folder."""
    import copy

    import yaml

    from tests.pipeline.conftest import EXPERIMENT

    folder = tmp_path_factory.mktemp("selection")
    raw = copy.deepcopy(EXPERIMENT)
    raw["model"]["backbone"], raw["seeds"] = str(tiny_llm), [0, 1]
    (folder / "shop.yaml").write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    experiment = load_experiment(folder / "shop.yaml")
    return study(experiment, folder / "out", ceiling=True), folder / "out"


def test_every_strategy_with_every_budget_from_one_first_stage(done):
    found, out = done
    tried = dict.fromkeys((one.strategy, one.budget) for one in found)
    assert list(tried) == [
        ("none", 0), ("random", 4), ("margin", 4), ("near", 4), ("random", 8), ("margin", 8), ("near", 8),
        ("pool", 30), ("random", None), ("margin", None), ("near", None),
    ]  # fmt: skip
    assert len(list((out / "shop" / "stages" / "seed-0").glob("1-ground-*"))) == 1
    rows = [json.loads(line) for line in (out / ROWS).read_text().splitlines()]
    assert rows == [json.loads(json.dumps(one.__dict__)) for one in found]
    assert {one.slice for one in found} == {"in_dist", "far_ood"}


def at(found, strategy, budget, metric="accuracy", place="far_ood"):
    (one,) = [
        row
        for row in found
        if (row.strategy, row.budget, row.metric, row.slice) == (strategy, budget, metric, place)
    ]
    return one


def test_gains_are_differences_to_random_of_the_same_budget(done):
    found, _ = done
    for budget in (4, 8):
        own, rival = at(found, "margin", budget), at(found, "random", budget)
        assert own.gain == pytest.approx(own.value - rival.value)
        assert own.gain_low <= own.gain <= own.gain_high
        assert own.value == pytest.approx(np.mean(own.by_seed))
        assert rival.gain is None
    assert at(found, "none", 0).gain is None
    assert at(found, "pool", 30).gain is None


def test_a_strategy_is_compared_with_twice_as_many_random_labels(done):
    found, _ = done
    own, rival = at(found, "margin", 4), at(found, "random", 8)
    assert own.half == pytest.approx(own.value - rival.value)
    assert own.half_low <= own.half <= own.half_high
    assert at(found, "margin", 8).half is None  # there are no 16 random labels
    assert at(found, "random", 4).half is None


def test_the_mean_over_budgets(done):
    found, _ = done
    mean, each = at(found, "margin", None), [at(found, "margin", budget) for budget in (4, 8)]
    for name in ("value", "gain", "queries"):
        assert getattr(mean, name) == pytest.approx(np.mean([getattr(one, name) for one in each]))
    assert mean.by_seed == pytest.approx(np.mean([one.by_seed for one in each], axis=0))
    assert mean.half == pytest.approx(each[0].half)
    assert mean.labels_of_random is None
    assert at(found, "random", None).gain is None


def test_the_values_are_those_of_the_report(done):
    found, out = done
    report = json.loads((out / "shop" / "report.json").read_text())
    for row in report["rows"]:
        if row["model"] == "margin-8" and row["metric"] == "accuracy" and row["slice"] == "far_ood":
            assert at(found, "margin", 8).value == pytest.approx(row["value"], abs=1e-6)
            break
    else:
        pytest.fail("no such row")


def test_what_was_chosen_is_told(done):
    found, out = done
    labels = [
        [json.loads(line) for line in (folder / "round" / "labels.jsonl").open()]
        for folder in (out / "shop" / "stages").glob("seed-*/2-reach-*")
    ]
    assert sorted({len(one) for one in labels}) == [4, 8, 30]
    everything = at(found, "pool", 30)
    whole = [one for one in labels if len(one) == 30]
    assert everything.queries == np.mean([len({row["query_id"] for row in one}) for one in whole])
    counts = [np.bincount([row["grade"] for row in one], minlength=3) for one in whole]
    assert everything.grades == tuple(np.mean(counts, axis=0))
    assert at(found, "none", 0).queries == 0
    assert sum(at(found, "near", 8).grades) == 8


def test_random_needs_at_most_its_own_labels(done):
    found, _ = done
    for budget in (4, 8):
        needed = at(found, "random", budget, metric="macro_f1").labels_of_random
        assert needed is not None
        assert needed <= budget
    assert at(found, "random", 4, metric="ece").labels_of_random is None


def test_it_goes_on_where_it_stopped(experiment, tmp_path):
    whole = study(experiment, tmp_path / "whole")
    with pytest.raises(Stop):
        study(experiment, tmp_path / "out", progress=StopAfter(400))
    assert not (tmp_path / "out" / ROWS).exists()
    assert study(experiment, tmp_path / "out", resume=True) == whole
    with pytest.raises(ConfigError, match="begun with another recipes"):
        study(experiment, tmp_path / "out", resume=True, ceiling=True)


@pytest.mark.parametrize("label", ["pool", "none", "a/b", ""])
def test_labels_that_mean_something_else(experiment, label):
    with pytest.raises(ConfigError, match="give the strategy another label"):
        expand(experiment, {label: Component(name="margin")}, [4], ceiling=False)


def test_an_experiment_that_selects_nothing(raw, write):
    del raw["recipes"]["darl"]
    with pytest.raises(ConfigError, match="expected a recipe with one round"):
        expand(load_experiment(write(raw)), STRATEGIES, [4], ceiling=False)


def test_a_round_before_any_training(raw, write):
    raw["recipes"]["darl"]["stages"] = raw["recipes"]["darl"]["stages"][1:]
    with pytest.raises(ConfigError, match="expected a stage before the one that selects"):
        expand(load_experiment(write(raw)), STRATEGIES, [4], ceiling=False)


def test_the_rival_keeps_its_name():
    assert parse_strategies({"random": {"name": "random"}})
    with pytest.raises(ConfigError, match="is the rival that all are compared with"):
        parse_strategies({"random": {"name": "margin"}})


@pytest.mark.parametrize("typed", [["margin", "margin"], ["a=margin", "a=random"]])
def test_two_strategies_of_one_label(raw, write, tmp_path, typed):
    arguments = ["selection", str(write(raw)), "--out", str(tmp_path / "out"), "--budget", "5"]
    for one in typed:
        arguments += ["--strategy", one]
    assert "is given twice" in str(CliRunner().invoke(command, arguments).exception)


def test_all_faults_of_strategies():
    with pytest.raises(ConfigError) as caught:
        parse_strategies({"a": {"name": "best"}, "b": {"name": "ood_band", "lower": 2}})
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize(
    ("value", "expected"), [(0.4, 0.0), (0.5, 0.0), (0.55, 50.0), (0.6, 100.0), (0.62, 140.0), (0.7, None)]
)
def test_labels_on_a_curve(value, expected):
    found = labels_for(value, [0, 100, 200], [0.5, 0.6, 0.65])
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_curve_that_falls_again_is_reached_at_its_first_rise():
    assert labels_for(0.6, [0, 100, 200, 400], [0.5, 0.7, 0.4, 0.9]) == pytest.approx(50.0)


def test_from_the_command_line(raw, write, tmp_path):
    path = str(write(raw, "shop.yaml"))
    arguments = ["selection", path, "--out", str(tmp_path / "out"), "--budget", "5"]
    wrong = CliRunner().invoke(command, [*arguments, "--strategy", "margin", "--metric", "f2"])
    assert "expected one of macro_f1" in str(wrong.exception)
    mixed = "half={name: mixture, strategies: [random, margin], shares: [0.5, 0.5]}"
    done = CliRunner().invoke(command, [*arguments, "--strategy", mixed])
    assert done.exit_code == 0, done.output
    assert "shop: macro_f1" in done.output
    assert {json.loads(line)["strategy"] for line in (tmp_path / "out" / ROWS).open()} == {
        "none",
        "random",
        "half",
    }
