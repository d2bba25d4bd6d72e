"""compare, promote, interpolate and soup, as a user types them."""

from __future__ import annotations

import json

import pytest

from darl.data.writers import write_graded_pairs
from darl.grades import GradeScale
from darl.models.checkpoint import read_card, save_model
from tests.cli.test_cli import darl
from tests.models.test_interpolate import trained
from tests.tiny import toy_pairs


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_llm):
    """Two models and two slices."""
    folder = tmp_path_factory.mktemp("compare")
    for seed, name in ((1, "old"), (2, "new")):
        save_model(trained(tiny_llm, seed), folder / name / "model")
    for prefix, name in (("a", "in_dist"), ("b", "ood")):
        write_graded_pairs(folder / f"{name}.jsonl", toy_pairs(40, queries=10, prefix=prefix), GradeScale())
    return folder


def data(folder):
    return ["--data", f"in_dist={folder / 'in_dist.jsonl'}", "--data", f"ood={folder / 'ood.jsonl'}"]


def models(folder):
    return [folder / "new" / "model", folder / "old" / "model"]


def test_compare_prints_and_writes(folder, tmp_path):
    told = darl("compare", *models(folder), *data(folder), "--out", tmp_path, "--resamples", 100).stdout
    found = json.loads((tmp_path / "comparison.json").read_text())
    assert {row["slice"] for row in found["differences"]} == {"in_dist", "ood"}
    n_changed = len(found["changed"])
    assert n_changed > 0
    assert f"{n_changed} pairs changed their grade" in told
    assert "comparison.html" in told
    assert "The pairs that changed" in (tmp_path / "comparison.html").read_text()
    same = darl("compare", models(folder)[0], models(folder)[0], *data(folder), "--resamples", 100).stdout
    assert "0 pairs changed their grade" in same


def test_promote_says_yes_or_no_and_sets_the_link(folder, tmp_path):
    new, old = models(folder)
    link, out = tmp_path / "live", tmp_path / "decision.json"
    asked = ["promote", new, "--over", old, *data(folder), "--link", link, "--out", out, "--resamples", 100]
    told = darl(*asked, "--harm", 1).stdout
    assert "promoted: none of 2 slices falls significantly by more than 1 in macro_f1" in told
    assert link.resolve() == new.resolve()
    assert json.loads(out.read_text())["promoted"]
    # One of the two is the better one in brier: the other is refused, and the link stays.
    one_way, other_way = (
        ["promote", a, "--over", b, *data(folder), "--metric", "brier", "--level", "0.5", "--resamples", 100]
        for a, b in ((new, old), (old, new))
    )
    codes = []
    for way in (one_way, other_way):
        try:
            darl(*way, "--link", link)
            codes.append(0)
        except AssertionError:
            assert "refused: in brier" in darl(*way, "--link", link, code=4).stdout
            codes.append(4)
    assert 4 in codes


def test_promote_leaves_a_folder_alone_and_refuses_what_it_does_not_know(folder, tmp_path):
    new, old = models(folder)
    asked = ["promote", new, "--over", old, *data(folder)]
    assert "is no link" in darl(*asked, "--link", tmp_path, code=2).stderr
    itself = tmp_path / "live"
    itself.symlink_to(new)
    circle = darl("promote", itself, "--over", old, *data(folder), "--link", itself, code=2)
    assert "is the candidate" in circle.stderr
    assert itself.resolve() == new.resolve()
    assert "metric: expected one of macro_f1" in darl(*asked, "--metric", "f2", code=1).stderr
    assert "--data" in darl("promote", new, "--over", old, "--data", "nowhere", code=2).stderr


def test_interpolate_writes_a_model_and_its_curve(folder, tmp_path):
    new, old = models(folder)
    asked = ["interpolate", old, new, *data(folder), "--out", tmp_path / "x", "--resamples", 100]
    told = darl(*asked, "--alphas", "0,0.5,1").stdout
    curve = json.loads((tmp_path / "x" / "interpolation.json").read_text())
    assert [point["alpha"] for point in curve["points"]] == [0, 0.5, 1]
    assert f"alpha {curve['chosen']:g}: best mean of macro_f1 over in_dist and ood" in told
    expected = {0: 3, 0.5: 6, 1: 3}[curve["chosen"]]
    assert read_card(tmp_path / "x" / "model").model.adapter.rank == expected
    assert "holds a model already" in darl(*asked, code=1).stderr
    wrong = ["interpolate", old, new, *data(folder), "--out", tmp_path / "y"]
    assert "alphas: expected different numbers in [0, 1]" in darl(*wrong, "--alphas", "0,2", code=1).stderr
    assert "--alphas" in darl(*wrong, "--alphas", "half", code=2).stderr


def test_soup_is_a_model(folder, tmp_path):
    told = darl("soup", *models(folder), "--out", tmp_path).stdout
    assert "the mean of 2, rank 6" in told
    assert read_card(tmp_path / "model").model.adapter.rank == 6
    assert "at least two" in darl("soup", models(folder)[0], "--out", tmp_path / "x", code=1).stderr
