"""A study of DaRL: what it runs, what it compares, and that it goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from darl.errors import ConfigError
from darl.evaluation.bootstrap import query_counts
from darl.evaluation.brier import BRIER
from darl.evaluation.judged import joined, judge
from darl.pipeline.darl_recipes import RIVALS
from darl.pipeline.darl_study import expand, expand_all, study_darl
from darl.pipeline.dasa import read_predictions
from darl.pipeline.experiment import load_experiment
from darl.pipeline.study import ROWS
from tests.cli.test_cli import darl
from tests.pipeline.made_darl import darl_raw, saved
from tests.training.test_loop import Stop, StopAfter

LABELS = [label for label in RIVALS if label not in ("no_warm", "no_new_traffic")]
TEST = {"in_dist": "shop:in_dist", "near_ood": "shop:near_ood", "far_ood": "shop:far_ood"}


def tiny(folder, backbone, **changes):
    raw = darl_raw(backbone, **changes)
    raw["data"]["test"] = TEST
    return load_experiment(saved(folder, raw))


@pytest.fixture
def experiment(tmp_path, tiny_llm):
    return tiny(tmp_path, tiny_llm, seeds=[0])


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_llm):
    """A finished study, its folder and its experiment."""
    folder = tmp_path_factory.mktemp("darl")
    experiment = tiny(folder, tiny_llm)
    (one,) = study_darl({"shop": experiment}, folder / "out")
    return one, folder / "out", experiment


def at(found, rival, metric="macro_f1", place="ood"):
    (one,) = [row for row in found if (row.rival, row.metric, row.slice) == (rival, metric, place)]
    return one


def chosen(out, rival, trial):
    """What a rival had graded, by seed."""
    from darl.pipeline.run_dir import RunDir

    recipe = trial.experiment.recipes[trial.run_as[rival]]
    number = next(i for i, stage in enumerate(recipe.stages, start=1) if stage.round)
    return [
        [json.loads(line)["index"] for line in (folder / "round" / "labels.jsonl").open()]
        for folder in (RunDir(out / "shop").stage(recipe, seed, number) for seed in (0, 1))
    ]


def test_every_rival_on_every_slice(done):
    one, out, _ = done
    assert list(dict.fromkeys(row.rival for row in one.found)) == LABELS
    places = ["in_dist", "near_ood", "far_ood", "ood", "gap:near_ood", "gap:far_ood", "gap:ood"]
    assert list(dict.fromkeys(row.slice for row in one.found)) == places
    rows = [json.loads(line) for line in (out / ROWS).read_text().splitlines()]
    assert rows == [json.loads(json.dumps(asdict(row))) for row in one.found]


def test_labels_are_equal_and_what_is_alike_is_trained_once(done):
    one, out, experiment = done
    trial = expand(experiment)
    spent = {row.rival: (row.train, row.labels) for row in one.found}
    assert spent == dict.fromkeys(LABELS, (40, 6)) | {"plain": (40, 0), "ceiling": (40, 30)}
    for seed in (0, 1):
        stages = [
            path.name.rsplit("-", 1)[0] for path in (out / "shop/stages" / f"seed-{seed}").glob("[0-9]*")
        ]
        assert {name: stages.count(name) for name in stages} == {
            "1-ground": 2,  # with softmax, and with the recipe's objective
            "2-union": 4,  # random, margin, the recipe's own labels, the whole pool
            "2-reach": 3,  # the recipe, with softmax, with random labels
        }
    own = chosen(out, "darl", trial)
    for label in ("dasa_one", "dasa_blend", "no_stages", "no_interpolate"):
        assert chosen(out, label, trial) == own
    assert chosen(out, "random", trial) == chosen(out, "no_dasa", trial) != own
    assert own[0] != own[1]
    assert [sorted(labels) for labels in chosen(out, "ceiling", trial)] == [list(range(30))] * 2
    assert {row.rival: row.same_as for row in one.found if row.same_as} == {"no_stages": "dasa_blend"}


def test_all_train_on_the_same_pairs_and_batches(done):
    _, out, _ = done
    assert len(list((out / "shop").glob("stages/seed-0/1-ground-*"))) == 2
    steps = [
        [json.loads(line)["step"] for line in path.open() if "step" in line]
        for path in (out / "shop").glob("stages/seed-0/2-union-*/log.jsonl")
    ]
    lengths = sorted(max(one) for one in steps)
    assert lengths == [6, 6, 6, 9]  # 46 pairs by 8, and 70 with the whole pool


def test_the_values_are_those_of_the_predictions(done):
    one, out, experiment = done
    test = experiment.data.load(experiment.grades).test

    def runs(model):
        found = []
        for seed in (0, 1):
            folder = out / "shop" / "recipes" / model / f"seed-{seed}" / "predictions"
            parts = [
                judge(test[place], read_predictions(folder / f"{place}.safetensors"))
                for place in ("near_ood", "far_ood")
            ]
            found.append(joined(parts))
        return found

    models = {model: runs(model) for model in ("plain", "darl", "random", "ceiling")}
    rng = np.random.default_rng(0).spawn(4)[3]
    counts = np.concatenate(list(query_counts(models["darl"][0].n_queries, 1000, rng)), axis=1)
    drawn = np.concatenate(list(query_counts(2, 1000, np.random.default_rng(1))), axis=1)
    values = {model: np.array([BRIER.value(one) for one in of]) for model, of in models.items()}
    resampled = {
        model: np.mean(
            [BRIER.from_sums(BRIER.statistic(one)(counts)) * drawn[i] for i, one in enumerate(of)], axis=0
        )
        for model, of in models.items()
    }
    own = at(one.found, "darl", "brier")
    assert own.by_seed == pytest.approx(tuple(values["darl"]))
    assert (own.low, own.high) == pytest.approx(tuple(np.quantile(resampled["darl"], [0.025, 0.975])))
    for other in ("plain", "random"):
        less = resampled["darl"] - resampled[other]
        assert own.less[other].value == pytest.approx((values["darl"] - values[other]).mean())
        assert own.less[other].value != 0
        assert (own.less[other].low, own.less[other].high) == pytest.approx(
            tuple(np.quantile(less, [0.025, 0.975]))
        )
    way = resampled["ceiling"] - resampled["plain"]
    if np.quantile(way, 0.975) < 0:
        share = (resampled["darl"] - resampled["plain"])[way < 0] / way[way < 0]
        assert (own.closed.low, own.closed.high) == pytest.approx(tuple(np.quantile(share, [0.025, 0.975])))
    else:
        assert own.closed.reason == "no distance to close"


def test_gaps_are_of_the_same_seeds(done):
    one, _, _ = done
    for metric in ("accuracy", "ece", "macro_f1"):
        gap = at(one.found, "darl", metric, "gap:ood")
        inside, outside = (at(one.found, "darl", metric, place) for place in ("in_dist", "ood"))
        assert gap.value == pytest.approx(inside.value - outside.value)
        assert gap.low <= gap.value <= gap.high
        assert gap.closed is None
        assert gap.less["plain"].value == pytest.approx(
            gap.value - at(one.found, "plain", metric, "gap:ood").value
        )


def test_the_rivals_are_compared_with_three_but_not_with_themselves(done):
    one, _, _ = done
    for rival in LABELS:
        assert set(at(one.found, rival).less) == {"plain", "random", "darl"} - {rival}
    assert at(one.found, "no_stages").less == at(one.found, "dasa_blend").less


def test_it_goes_on_where_it_stopped(experiment, tmp_path):
    def study(out, **more):
        (one,) = study_darl({"shop": experiment}, tmp_path / out, only=["plain", "random", "darl"], **more)
        return one.found

    whole = study("whole")
    for units in (250, 600):
        with pytest.raises(Stop):
            study("out", resume=units > 250, progress=StopAfter(units))
        assert not (tmp_path / "out" / ROWS).exists()
    assert study("out", resume=True) == whole
    for name in ("study.md", "study-shop.svg", ROWS):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(ConfigError, match="go on with --resume"):
        study("out")


def test_some_rivals_now_and_the_others_later(experiment, tmp_path):
    (some,) = study_darl({"shop": experiment}, tmp_path / "out", only=["plain", "no_stages"])
    assert list(dict.fromkeys(row.rival for row in some.found)) == ["plain", "no_stages"]
    assert {path.name for path in (tmp_path / "out/shop/recipes").iterdir()} == {"plain", "dasa_blend"}
    assert at(some.found, "no_stages").closed is None
    assert {one.answer for one in some.checks} == {"unknown"}
    assert not some.earned
    (more,) = study_darl({"shop": experiment}, tmp_path / "out", only=["plain", "darl"], resume=True)
    report = json.loads((tmp_path / "out/shop/report.json").read_text())
    assert {row["model"] for row in report["rows"]} == {"plain", "darl"}
    assert at(more.found, "plain").value == at(some.found, "plain").value


def test_first_stages_are_shared_by_experiments_that_differ_in_their_pools(tmp_path, tiny_llm):
    one = tiny(tmp_path, tiny_llm, seeds=[0])
    raw = darl_raw(tiny_llm, seeds=[0])
    raw["data"] |= {"test": {"in_dist": "shop:in_dist", "far_ood": "shop:far_ood"}, "pool": "shop:near_ood"}
    other = load_experiment(saved(tmp_path, raw, "other.yaml"))
    only = ["plain", "darl"]
    study_darl({"one": one, "other": other}, tmp_path / "out", only=only)
    for path in (tmp_path / "out/one/stages/seed-0").glob("1-ground-*"):
        log = path / "log.jsonl"
        copied = tmp_path / "out/other/stages/seed-0" / path.name / "log.jsonl"
        assert copied.read_bytes() == log.read_bytes()  # times among them


def test_all_faults_of_all_experiments_at_once(tmp_path, tiny_llm):
    bare = darl_raw(tiny_llm)
    del bare["recipes"]["darl"], bare["data"]["pool"]
    bare["data"]["test"] = {"far_ood": "shop:far_ood", "ood": "shop:near_ood"}
    twice = darl_raw(tiny_llm)
    twice["recipes"]["darl"]["stages"][1]["round"]["rounds"] = 2
    greedy = darl_raw(tiny_llm)
    greedy["recipes"]["darl"]["stages"][1]["round"]["budget"] = 31
    raws = {"bare": bare, "twice": twice, "greedy": greedy}
    experiments = {name: load_experiment(saved(tmp_path, raw, f"{name}.yaml")) for name, raw in raws.items()}
    with pytest.raises(ConfigError) as caught:
        study_darl(experiments, tmp_path / "out")
    told = caught.value.faults
    assert len(told) == 6
    for fault, expected in zip(
        told,
        [
            "bare: recipes: expected darl (or another one with --recipe), received plain",
            "bare: data.pool: expected a pool",
            "bare: data.test: expected in_dist first, then slices out of distribution, received far_ood, ood",
            "bare: data.test: ood is what the study calls",
            "twice: expected a recipe with one round, received 2",
            "greedy: its round spends 31 labels, and the pool has 30 pairs",
        ],
        strict=True,
    ):
        assert fault.startswith(expected)
    assert not (tmp_path / "out").exists()


def test_labels_that_no_experiment_has(experiment):
    with pytest.raises(ConfigError) as caught:
        expand_all({"shop": experiment}, only=["plain", "no_warm", "best"])
    assert [fault.rpartition(" ")[2] for fault in caught.value.faults] == ["no_warm", "best"]
    assert "expected one of plain, random, margin" in caught.value.faults[0]


def test_another_recipe_may_be_the_pattern(experiment):
    recipes = experiment.recipes | {"mine": experiment.recipes["darl"]}
    trial = expand(experiment.model_copy(update={"recipes": recipes}), "mine")
    assert set(trial.run_as) == set(LABELS)
    assert "no_stages" not in trial.experiment.recipes
    assert trial.experiment.calibration.is_none


def test_rivals_are_calibrated_as_the_file_says(tmp_path, tiny_llm):
    raw = darl_raw(tiny_llm, seeds=[0], calibration={"method": "temperature", "goal": "macro_f1"})
    raw["data"]["test"] = TEST
    experiment = load_experiment(saved(tmp_path, raw))
    assert expand(experiment).experiment.calibration == experiment.calibration
    study_darl({"shop": experiment}, tmp_path / "out", only=["plain"])
    models = list((tmp_path / "out").glob("shop/recipes/plain/seed-0/model/calibration*"))
    assert len(models) == 1
    assert (
        "each calibrated on validation (temperature, macro_f1)" in (tmp_path / "out" / "study.md").read_text()
    )


def test_from_the_command_line(tmp_path, tiny_llm):
    raw = darl_raw(tiny_llm, seeds=[0])
    arguments = ["study", "darl", saved(tmp_path, raw), "--out", tmp_path / "out"]
    assert "expected one of macro_f1" in darl(*arguments, "--metric", "f2", code=1).stderr
    assert "--only: expected one of plain, random" in darl(*arguments, "--only", "best", code=1).stderr
    assert "received plain, darl" in darl(*arguments, "--recipe", "mine", code=1).stderr
    page = tmp_path / "docs" / "page.md"
    told = darl(*arguments, "--only", "plain", "--only", "random", "--metric", "qwk", "--page", page).stdout
    assert "shop: qwk (less that of random; ▲ significantly better, ▼ worse)" in told
    assert "shop: what must be reached" in told
    assert "page.md" in told
    assert "darl study darl" in page.read_text(encoding="utf-8")
    assert (page.parent / "page-shop-random.svg").exists()
    assert {json.loads(line)["rival"] for line in (tmp_path / "out" / ROWS).open()} == {"plain", "random"}


def test_the_experiment_on_the_generated_corpus_fits():
    path = Path(__file__).parents[2] / "experiments" / "darl-insurance.yaml"
    experiment = load_experiment(path)
    trial = expand(experiment)
    splits = experiment.data.load(experiment.grades)
    # The recipe does not interpolate; its labels also set the cuts of new traffic.
    assert set(trial.run_as) == set(LABELS) - {"no_interpolate"} | {"no_new_traffic"}
    assert trial.recipe.budget <= 0.1 * len(splits.train)
    known = {one.pair.domain for one in splits.train}
    assert sum(pair.domain not in known for pair in splits.pool) <= 0.2 * len(splits.pool)
