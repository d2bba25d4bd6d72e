"""A study of detection and selection in one: pools by share, stages trained once, the page."""

import copy
import json

import pytest
import yaml
from click.testing import CliRunner

from darl.catalogue import Component
from darl.cli.study import command
from darl.errors import ConfigError
from darl.pipeline.dasa_page import PAGE, out_of_distribution
from darl.pipeline.dasa_study import study_dasa, with_share
from darl.pipeline.experiment import load_experiment
from darl.pipeline.selection_study import expand
from tests.pipeline.conftest import EXPERIMENT


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_llm):
    """A finished study and its folder."""
    folder = tmp_path_factory.mktemp("dasa")
    raw = copy.deepcopy(EXPERIMENT)
    raw["model"]["backbone"] = str(tiny_llm)
    raw["data"]["test"]["near_ood"] = "shop:near_ood"
    (folder / "shop.yaml").write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    typed = ["dasa", str(folder / "shop.yaml"), "--out", str(folder / "out"), "--most", "20"]
    typed += ["--strategy", "ood_sampling", "--budget", "4", "--share", "0.2", "--share", "0.5"]
    result = CliRunner().invoke(command, typed)
    assert result.exit_code == 0, result.output
    return load_experiment(folder / "shop.yaml"), folder / "out", result.output


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_pool_for_each_share(done):
    _, out, _ = done
    assert {row["experiment"] for row in rows(out / "dasa-selection.jsonl")} == {"shop-pool20", "shop-pool50"}
    for name, share in (("shop-pool20", 0.2), ("shop-pool50", 0.5)):
        experiment = json.loads((out / "selection" / name / "experiment.json").read_text())
        assert experiment["data"]["corpora"]["shop"]["pool_ood_share"] == share


def test_first_stages_are_trained_once(done):
    """The second run has the first one's stage to the bit, its log too."""
    _, out, _ = done
    logs = [
        (next((out / "selection" / name / "stages" / "seed-0").glob("1-ground-*")) / "log.jsonl").read_bytes()
        for name in ("shop-pool20", "shop-pool50")
    ]
    assert logs[0] == logs[1]


def test_all_slices_but_the_first_as_one(done):
    _, out, _ = done
    found = rows(out / "dasa-selection.jsonl")
    assert [*dict.fromkeys(row["slice"] for row in found)] == ["in_dist", "far_ood", "near_ood", "ood"]
    at = {(row["slice"], row["strategy"], row["metric"]): row for row in found if row["budget"] in (0, 4)}
    parts = [at[name, "random", "accuracy"]["value"] for name in ("far_ood", "near_ood", "ood")]
    assert parts[2] == pytest.approx((parts[0] + parts[1]) / 2)  # slices of 20 pairs each


def test_the_page_shows_both_and_its_plots_are_there(done):
    _, out, printed = done
    page = (out / PAGE).read_text(encoding="utf-8")
    for heading in ("## Detection: shop", "## Selection: shop-pool20", "## Selection: shop-pool50"):
        assert heading in page
    for name in ("shop-pool20", "shop-pool50"):
        assert f"(dasa-{name}.svg)" in page
        assert "<svg" in (out / f"dasa-{name}.svg").read_text(encoding="utf-8")
    assert f"page: {out / PAGE}" in printed


def test_what_is_there_is_not_made_again(done):
    experiment, out, _ = done
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    found = study_dasa(
        {"shop": experiment},
        out,
        shares=[0.2, 0.5],
        strategies={"ood_sampling": Component(name="ood_sampling")},
        budgets=[4],
        detection={"most": 20},
        resume=True,
    )
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == before
    curve = [one for one in found.gains if one.experiment == "shop-pool20" and one.metric == "macro_f1"]
    values = {(one.strategy, one.slice): one.value for one in curve}
    assert out_of_distribution(curve, "random") == [(4, values["random", "ood"])]


def test_a_pool_whose_share_cannot_be_chosen(raw, write, tmp_path):
    (tmp_path / "pool.jsonl").write_text('{"query": "a", "item": "b", "grade": 1}\n', encoding="utf-8")
    raw["data"]["pool"] = "pool.jsonl"
    with pytest.raises(ConfigError, match="expected CORPUS:pool of a corpus declared in the file"):
        with_share("shop", load_experiment(write(raw)), 0.2)


def test_a_slice_with_the_name_of_the_whole(raw, write):
    raw["data"]["test"]["ood"] = "shop:near_ood"
    with pytest.raises(ConfigError, match="ood is what the study calls all slices but the first"):
        expand(load_experiment(write(raw)), {}, [4], ceiling=False)
