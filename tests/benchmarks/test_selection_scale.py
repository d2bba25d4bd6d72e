"""The benchmark of detection and selection at sizes of no meaning: it measures, goes on, writes a page."""

import json

import numpy as np
import pytest

from benchmarks.selection_scale import __main__ as scale
from benchmarks.selection_scale import shards
from benchmarks.selection_scale.child import measure
from benchmarks.selection_scale.made import BLOCK, PAIRS_A_QUERY, World
from benchmarks.selection_scale.page import render
from benchmarks.selection_scale.plot import curves, draw
from benchmarks.selection_scale.rows import Rows
from darl.models.base import TUNED
from darl.ood.knn import KNN
from darl.progress import SILENT

SMALL = World(width=16)


def test_any_part_of_a_pool_is_the_same_without_the_rest():
    whole, queries = SMALL.pool(BLOCK + 700)
    rest, its_queries = SMALL.pool(700, BLOCK)
    for name, array in rest.arrays().items():
        np.testing.assert_array_equal(array, getattr(whole, name)[BLOCK:])
    np.testing.assert_array_equal(its_queries, queries[BLOCK:])
    assert whole.features.dtype == np.float16
    assert np.bincount(queries).max() == PAIRS_A_QUERY
    assert (World(width=16, seed=1).pool(9)[0].features != whole.features[:9]).any()


def test_made_pools_have_what_detectors_and_strategies_look_for():
    world = World(width=64)
    reference, (pool, queries) = world.reference(), world.pool(BLOCK)
    detector = KNN().fit(reference.fit[TUNED], reference.grades)
    beyond = detector.score(pool) > np.quantile(detector.score(reference.held_out[TUNED]), 0.95)
    assert 0.1 < beyond.mean() < 0.4
    assert np.bincount(pool.grades, minlength=3).min() > 0.05 * BLOCK
    assert len({pair.query for pair in world.pairs(0, BLOCK)}) == len(np.unique(queries))


def test_shards_are_made_once_and_shared_by_pools_of_every_size(tmp_path):
    told = []
    large = shards.write(SMALL, BLOCK + 100, tmp_path, told.append, size=BLOCK)
    assert len(told) == 2
    small = shards.write(SMALL, BLOCK, tmp_path, told.append, size=BLOCK)
    assert len(told) == 2
    features = np.concatenate([part.predictions.features for part in large.parts(SILENT)])
    np.testing.assert_array_equal(features, SMALL.pool(BLOCK + 100)[0].features)
    assert len(small) == BLOCK
    assert small.pairs(np.array([5])) == [SMALL.pairs(0, 9)[5]]


def test_features_become_narrower_where_the_disk_is_small(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10**6})
    monkeypatch.setattr(shards.shutil, "disk_usage", lambda _: usage)
    assert shards.width_that_fits(100, 576, tmp_path) == 576
    assert shards.width_that_fits(2000, 576, tmp_path) == 128
    assert shards.width_that_fits(3000, 200, tmp_path) == 64
    with pytest.raises(OSError, match="10,000 pairs need"):
        shards.width_that_fits(10_000, 576, tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A benchmark of one detector, one strategy and one stream, each in a process of its own."""
    folder = tmp_path_factory.mktemp("scale")
    arguments = [
        *("--out", folder / "out", "--work", folder / "work", "--sizes", "600", "--stream-sizes", "600"),
        *("--width", 16, "--budget", 20, "--shard-size", BLOCK, "--among", 400),
        *("--only", "mahalanobis,margin,mahalanobis+ood_band"),
    ]
    arguments = [str(one) for one in arguments]
    scale.main(arguments)
    return folder, arguments


def test_a_page_a_figure_and_a_row_each(done):
    out = done[0] / "out"
    rows = [json.loads(line) for line in (out / "selection-scale.jsonl").read_text().splitlines()]
    named = [(row["kind"], row["name"], row["pairs"]) for row in rows]
    assert named == [
        ("detector", "mahalanobis", 600), ("strategy", "margin", 600), ("stream", "mahalanobis+ood_band", 600)
    ]  # fmt: skip
    assert all(row["seconds"] > 0 and row["peak_bytes"] > 2**24 and row["cpu_s"] > 0 for row in rows)
    assert all(row["machine"]["cores"] >= 1 and row["machine"]["numpy"] == np.__version__ for row in rows)
    page = (out / "selection-scale.md").read_text()
    for part in ("--only mahalanobis,margin", "## Streamed", "`mahalanobis+ood_band`", "600 pairs in memory"):
        assert part in page
    assert (out / "selection-scale.svg").read_text().startswith("<?xml")


def test_what_is_there_is_not_measured_again(done, monkeypatch, capsys):
    folder, arguments = done
    before = (folder / "out" / "selection-scale.jsonl").read_text()
    monkeypatch.setattr(scale, "run", lambda task: pytest.fail(f"measured {task}"))
    scale.main(arguments)
    assert "3 measurements are there, 0 are left" in capsys.readouterr().out
    assert (folder / "out" / "selection-scale.jsonl").read_text() == before


def test_a_measurement_that_fails_says_why(tmp_path):
    task = {"kind": "stream", "name": "knn+nothing", "pairs": 9, "width": 16, "seed": 0, "budget": 1}
    with pytest.raises(RuntimeError, match="unknown name 'nothing'"):
        scale.run(task | {"work": str(tmp_path)})


def test_unknown_names_are_refused(capsys):
    with pytest.raises(SystemExit):
        scale.parse(["--only", "knn,lof"])
    assert "unknown lof" in capsys.readouterr().err


def test_a_strategy_is_measured_on_what_was_prepared(tmp_path):
    task = {"kind": "prepare", "pairs": 500, "width": 16, "seed": 0, "budget": 20, "work": str(tmp_path)}
    measure(task)
    found = measure(task | {"kind": "strategy", "name": "ood_band"})
    assert found["seconds"] > 0


def row(kind, name, pairs, seconds, **more):
    shared = {"width": 8, "seed": 0, "budget": 9, "cpu_s": seconds, "peak_bytes": 2**30, "source": "x"}
    machine = {"processor": "P", "cores": 2, "threads": "2", "numpy": "1"}
    return (
        {"kind": kind, "name": name, "pairs": pairs, "seconds": seconds, "machine": machine} | shared | more
    )


def test_the_page_says_what_is_over_its_allowance(tmp_path):
    rows = [
        row("detector", "knn", 100, 30.0, fit_s=1.0),
        row("strategy", "ood_band", 100, 9.0),
        row("strategy", "core_set", 100, 61.0),
        row("strategy", "badge", 100, 5.0, peak_bytes=5 * 2**30),
        row("strategy", "badge", 10, 99.0, source="y"),
    ]
    page = render(rows, "make it", "figure")
    assert "knn` with `ood_band` 40.0 s and with `core_set` 92.0 s together" in page.replace("\n", " ")
    assert "Over it: `core_set` (61.0 s, 1.00 GiB), `badge` (5.0 s, 5.00 GiB)." in page
    assert "Not all numbers are of one version" in page
    assert "Not all numbers are of one machine" not in page
    assert "Every row keeps to it" in render(rows[:2], "make it", "figure")
    assert curves(rows, ("knn", "badge"), ("detector", "strategy")) == {
        "knn": ([100], [31.0]), "badge": ([10, 100], [99.0, 5.0])
    }  # fmt: skip
    for path in (tmp_path / "a.svg", tmp_path / "b" / "a.svg"):
        draw(rows, path)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b" / "a.svg").read_bytes()


def test_rows_are_told_apart_by_what_was_measured(tmp_path):
    rows = Rows(tmp_path / "rows.jsonl")
    task = {"kind": "stream", "name": "a+b", "pairs": 5, "width": 8, "seed": 0, "budget": 3, "work": "w"}
    rows.add(task, {"seconds": 1.23456, "peak_bytes": 7})
    again = Rows(tmp_path / "rows.jsonl")
    assert again.all == rows.all
    assert again.all[0]["seconds"] == 1.235
    assert again.has(task | {"work": "elsewhere"})
    assert not any(again.has(task | {key: 99}) for key in ("pairs", "width", "seed", "budget", "among"))
