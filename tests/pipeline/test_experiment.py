"""The experiment file: every fault at once, each with its place, before anything is loaded."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest

from darl.errors import ConfigError
from darl.pipeline.experiment import check_experiment, load_experiment
from tests.pipeline.conftest import EXPERIMENT

REPOSITORY = Path(__file__).parents[2]


def faults(raw, folder=Path()):
    with pytest.raises(ConfigError) as caught:
        check_experiment(raw, folder / "x.yaml")
    return list(caught.value.faults)


def changed(path, value):
    raw = copy.deepcopy(EXPERIMENT)
    raw["model"]["backbone"] = "minilm-l6"
    here = raw
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    return raw


REACH = ("recipes", "darl", "stages", 1)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("tittle",), "x", "tittle: unknown key"),
        (("calibration",), "platt", "calibration.method: unknown name 'platt'"),
        (("calibration",), {"coverage": 0.5, "risk": 0.5}, "calibration: coverage, risk: expected one of"),
        (("calibration",), {"goal": "macrof1"}, "calibration.goal"),
        (("model", "backbnoe"), "x", "model.backbnoe: unknown key"),
        (("model", "prompt"), "{item}", "model: prompt: expected {query} exactly once"),
        (("model", "objective"), "softmax", "model: objective: belongs in a recipe"),
        (("model", "grade_words"), ["a", "b"], "model.grade_words: expected 3 words"),
        (("grades",), ["one"], "grades: expected at least 2 grade names"),
        (("grades",), ["a", "a"], "grades: grade names must differ"),
        (("seeds",), [1, 1], "seeds: expected different seeds"),
        (("seeds",), [-1], "seeds.0"),
        (("model", "grade_words"), ["a", "a", "b"], "model.grade_words: expected different words"),
        (("model", "prompt"), "{query} {{x}} {item}", "braces are for plain names"),
        (("data", "train"), "../experiment.py", "data: train: no file"),
        (("data", "test", "../up"), "shop:in_dist", "data.test.../up"),
        ((*REACH, "lr"), float("inf"), "recipes.darl.stages.1.lr"),
        ((*REACH, "round", "annotator"), {"name": "oracle", "x": 1}, "oracle takes no arguments"),
        (("seeds",), [], "seeds"),
        (("data", "train"), "nowhere.jsonl", "data: train: no file"),
        (("data", "test", "far_ood"), "shop:far", "data: test.far_ood: shop has no slice 'far'"),
        (("data", "corpora", "shop", "trian"), 5, "data.corpora: shop: insurance takes no argument 'trian'"),
        (("data", "corpora", "shop", "train"), -5, "data.corpora: shop: train"),
        (("data", "pool"), None, "data.pool: a recipe has a round"),
        (("recipes", "plain", "objective"), "hinge", "recipes.plain.objective: unknown name 'hinge'"),
        (
            ("recipes", "darl", "objective", "sharpness"),
            -1,
            "recipes.darl.objective: soft_grades: sharpness: expected a finite number > 0",
        ),
        ((*REACH, "lr"), -1, "recipes.darl.stages.1.lr"),
        ((*REACH, "examples"), "all", "recipes.darl.stages.1.examples"),
        ((*REACH, "examples"), "train", "recipes.darl.stages.1: replay: goes with examples: selected"),
        ((*REACH, "name"), "ground", "recipes.darl: stages: the name 'ground' stands twice"),
        ((*REACH, "round"), None, "recipes.darl: stage reach: examples: selected needs a round"),
        ((*REACH, "round", "budget"), 0, "recipes.darl.stages.1.round.budget"),
        ((*REACH, "round", "detector"), "msp", "stages.1.round.detector: unknown name 'msp'"),
        ((*REACH, "round", "detector"), {"name": "knn", "kk": 3}, "knn takes no argument 'kk'"),
        ((*REACH, "round", "features"), "frozen.title", "expected tuned or frozen, then .query or .item"),
        (
            (*REACH, "round", "strategy"),
            {"name": "ood_band", "lower": 2},
            "lower: expected a number in [0, 1]",
        ),
        ((*REACH, "round", "annotator"), "crowd", "annotator: unknown name 'crowd'"),
        ((*REACH, "round", "rounds"), 0, "recipes.darl.stages.1.round.rounds"),
        ((*REACH, "round", "stop"), {"metric": "qwk"}, "stages.1.round.stop.min_gain: is missing"),
        ((*REACH, "round", "stop"), {"min_gain": 0}, "stages.1.round.stop.min_gain"),
        ((*REACH, "round", "stop"), {"min_gain": 0.1, "probability": 1.5}, "round.stop.probability"),
        ((*REACH, "round", "stop"), {"min_gain": 0.1, "patience": 2}, "round.stop.patience: unknown key"),
        (
            (*REACH, "round", "stop"),
            {"min_gain": 0.1},
            "stages.1.round: stop: on fresh pairs it decides after round 3 at the earliest: expected rounds "
            "above that, received 1",
        ),
        (("report", "baseline"), "none", "report.baseline: expected one of plain, darl"),
        (("recipes", "a/b"), {"stages": [{"name": "x"}]}, "recipe names are letters, digits"),
    ],
)
def test_each_fault_names_its_place(path, value, expected):
    assert any(expected in fault for fault in faults(changed(path, value))), faults(changed(path, value))


def test_all_faults_at_once():
    raw = changed(("tittle",), "x")
    raw["recipes"]["plain"]["objective"] = "hinge"
    raw["recipes"]["darl"]["stages"][1]["round"]["budget"] = "many"
    raw["data"]["train"] = "nowhere.jsonl"
    del raw["title"]
    text = "\n".join(faults(raw))
    for part in ("tittle", "title: is missing", "hinge", "budget", "nowhere"):
        assert part in text


def test_rounds_are_refused_where_they_teach_nothing():
    raw = changed((*REACH, "round", "rounds"), 3)
    raw["recipes"]["darl"]["stages"][1] |= {"examples": "train", "replay": 0}
    assert any("with rounds: 3, expected selected or both" in fault for fault in faults(raw))


@pytest.mark.parametrize(("on", "rounds"), [("valid", 2), ("fresh", 3)])
def test_a_stop_rule_needs_rounds_that_it_can_end(on, rounds):
    raw = changed((*REACH, "round", "stop"), {"on": on, "min_gain": 0.01})
    raw["recipes"]["darl"]["stages"][1]["round"]["rounds"] = rounds
    assert any(f"decides after round {rounds} at the earliest" in fault for fault in faults(raw))
    raw["recipes"]["darl"]["stages"][1]["round"]["rounds"] = rounds + 1
    check_experiment(raw, Path("x.yaml"))


def test_a_stop_rules_metric_is_one_of_the_scales():
    raw = changed((*REACH, "round", "stop"), {"on": "valid", "min_gain": 0.01, "metric": "f1:strong"})
    raw["recipes"]["darl"]["stages"][1]["round"]["rounds"] = 3
    check_experiment(raw, Path("x.yaml"))
    raw["recipes"]["darl"]["stages"][1]["round"]["stop"]["metric"] = "f1:splendid"
    (fault,) = faults(raw)
    assert fault.startswith("recipes.darl: stage reach: stop.metric: expected one of macro_f1, qwk")
    assert fault.endswith("received 'f1:splendid'")


def test_rounds_and_labels_are_counted():
    raw = changed((*REACH, "round", "rounds"), 4)
    checked = check_experiment(raw, Path("x.yaml"))
    assert (checked.rounds, checked.recipes["darl"].rounds, checked.recipes["darl"].budget) == (4, 4, 24)


def test_people_grade_no_pair_twice():
    raw = changed((*REACH, "round", "annotator"), "spreadsheet")
    raw["recipes"]["darl"]["stages"][1]["round"]["rounds"] = 2
    check_experiment(raw, Path("x.yaml"))
    raw["recipes"]["twin"] = raw["recipes"]["darl"]
    assert any("people grade no pair twice" in fault for fault in faults(raw))
    del raw["recipes"]["twin"]
    raw["seeds"] = [0, 1]
    assert any("people grade no pair twice" in fault for fault in faults(raw))


@pytest.mark.parametrize("objective", ["coral", "corn", [{"name": "corn", "weight": 2}]])
@pytest.mark.parametrize(
    "detector", ["energy", "max_logit", "vim", {"name": "ensemble", "detectors": ["energy"]}]
)
def test_detectors_that_need_one_logit_a_grade(objective, detector):
    raw = changed((*REACH, "round", "detector"), detector)
    raw["recipes"]["darl"]["stages"][1]["round"]["features"] = "tuned"
    check_experiment(raw, Path("x.yaml"))
    raw["recipes"]["darl"]["objective"] = objective
    assert any("reads one logit a grade" in fault for fault in faults(raw))
    raw["recipes"]["darl"]["stages"][1]["round"]["detector"] = "knn"
    check_experiment(raw, Path("x.yaml"))


TERMS = [
    "soft_grades",
    {"name": "in_query_contrast", "weight": 0.2},
    {"name": "confidence_penalty", "weight": 0.1},
]


def test_an_objective_may_be_a_list_of_terms():
    raw = changed(("recipes", "plain", "objective"), TERMS)
    raw["recipes"]["plain"]["stages"][0]["items_per_query"] = 4
    objective = check_experiment(raw, Path("x.yaml")).recipes["plain"].objective
    assert objective.name == "weighted"
    assert objective.arguments == {
        "terms": ["soft_grades", {"name": "in_query_contrast"}, {"name": "confidence_penalty"}],
        "weights": [1, 0.2, 0.1],
    }


@pytest.mark.parametrize(
    ("objective", "stage", "fault"),
    [
        (
            TERMS,
            {"items_per_query": 1},
            "recipes.plain: stage ground: items_per_query: expected at least 2, as the objective compares "
            "items of one query, received 1",
        ),
        (
            "in_query_contrast",
            {"items_per_query": 4, "batch_size": 1},
            "recipes.plain: stage ground: batch_size: expected at least 2, as the objective compares items "
            "of one query, received 1",
        ),
        (
            "confidence_penalty",
            {},
            "recipes.plain: stage ground: objective: sees no grades: make it a term beside one that does",
        ),
        (
            {"name": "focal", "class_weights": [1, 2, 3, 4]},
            {},
            "recipes.plain.objective: class_weights: expected 3 numbers, one for each grade, received 4",
        ),
        (
            ["earth_mover", {"name": "softmax", "class_weights": [1, 2]}],
            {},
            "recipes.plain.objective: terms[1]: class_weights: expected 3 numbers, one for each grade, "
            "received 2",
        ),
    ],
)
def test_objectives_that_do_not_fit_grades_or_stages(objective, stage, fault):
    raw = changed(("recipes", "plain", "objective"), objective)
    raw["recipes"]["plain"]["stages"][0] |= stage
    assert faults(raw) == [fault]


def test_paths_start_at_the_files_folder(tmp_path, raw):
    (tmp_path / "here.jsonl").write_text('{"query": "a", "item": "b", "grade": 1}\n')
    raw["data"]["train"] = "here.jsonl"
    checked = check_experiment(raw, tmp_path / "x.yaml")
    assert checked.data.train == str(tmp_path / "here.jsonl")


def test_a_suffix_that_is_no_format(tmp_path, raw):
    (tmp_path / "here.txt").write_text("x")
    raw["data"]["train"] = "here.txt"
    assert any(fault.startswith("data: train: ") and ".jsonl" in fault for fault in faults(raw, tmp_path))


def test_a_relative_backbone_starts_at_the_files_folder(tmp_path, raw):
    raw["model"]["backbone"] = "./weights"
    assert check_experiment(raw, tmp_path / "x.yaml").model.backbone == str(tmp_path / "weights")


def test_overrides(write, raw):
    path = write(raw)
    checked = load_experiment(path, ["seeds=[3, 4]", "recipes.plain.stages.0.lr=2e-3", "report.level=0.9"])
    assert checked.seeds == (3, 4)
    assert checked.recipes["plain"].stages[0].lr == 2e-3
    assert checked.report.level == 0.9


@pytest.mark.parametrize("text", ["seeds", "=3", "recipes.plain.stages.7.lr=1", "title.x=1", "seeds=[1"])
def test_bad_overrides(write, raw, text):
    with pytest.raises(ConfigError, match="--set"):
        load_experiment(write(raw), [text])


@pytest.mark.parametrize(
    ("text", "fault"), [("- a\n", "expected a mapping"), ("a: [", "not YAML"), ("a: \x00", "not YAML")]
)
def test_not_an_experiment(tmp_path, text, fault):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=fault):
        load_experiment(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_experiment(tmp_path / "absent.yaml")


def test_the_demo_is_valid():
    assert load_experiment(REPOSITORY / "experiments" / "demo.yaml").baseline == "plain"


def test_checking_loads_no_transformers():
    code = (
        "import sys; from pathlib import Path; from darl.pipeline.experiment import load_experiment;"
        "load_experiment(Path('experiments/demo.yaml'));"
        "sys.exit('peft' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY).returncode == 0
