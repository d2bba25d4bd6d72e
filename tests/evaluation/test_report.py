import json

import numpy as np
import pytest

from darl.errors import ConfigError, ShapeError
from darl.evaluation.metrics import metrics_for
from darl.evaluation.report import RoundView, build_report
from darl.evaluation.rows import metric_rows
from darl.evaluation.write import as_dict, write_report
from tests.evaluation.made import SCALES, judged, rows_of
from tests.evaluation.reports import report_of, round_of, runs_of, slices_of


@pytest.fixture(scope="module")
def report():
    return report_of(notes=["A note."], title="Title")


def test_there_is_a_row_for_every_model_slice_gap_and_metric(report):
    slices = ["in_dist", "near_ood", "far_ood", "gap:near_ood", "gap:far_ood"]
    expected = [(m, s, name) for m in ("plain", "darl") for s in slices for name in metrics_for(SCALES[3])]
    assert [(row.model, row.slice, row.metric) for row in report.rows] == expected
    assert len(report.differences) == len(expected) / 2
    assert {(found.model, found.baseline) for found in report.differences} == {("darl", "plain")}


def test_differences_are_between_the_rows(report):
    for key, found in report.difference_at.items():
        _, *place = key
        expected = report.row_at[key].value - report.row_at["plain", *place].value
        assert found.value == pytest.approx(expected)


def test_rows_are_those_of_metric_rows_but_for_the_resamples(report):
    alone = metric_rows(
        "darl", "far_ood", report.runs["darl"]["far_ood"], SCALES[3], np.random.default_rng(1)
    )
    for row in alone:
        here = report.row_at["darl", "far_ood", row.metric]
        assert here.value == pytest.approx(row.value)
        assert here.n == row.n


def test_it_holds_what_was_given(report):
    assert report.slices == ["in_dist", "near_ood", "far_ood"]
    assert report.models == ["plain", "darl"]
    assert report.seeds == {"plain": 2, "darl": 2}
    assert report.labels == {
        "plain": {"train": 2600, "selected": 0},
        "darl": {"train": 2600, "selected": 400},
    }
    assert report.n_labels("darl") == 3000
    assert len(report.by_seed["darl", "far_ood", "qwk"]) == 2


def test_a_slice_does_not_move_when_another_grows():
    rng = np.random.default_rng(0)
    slices = slices_of(rng)
    runs = runs_of(rng, slices, {"plain": 0.0}, 1)
    small = {"plain": {**runs["plain"], "near_ood": [rows_of(runs["plain"]["near_ood"][0], range(50))]}}
    one, other = (report_of(runs=some, rounds=[]) for some in (runs, small))
    assert one.row_at["plain", "far_ood", "qwk"] == other.row_at["plain", "far_ood", "qwk"]
    assert one.row_at["plain", "near_ood", "qwk"] != other.row_at["plain", "near_ood", "qwk"]


def test_a_model_may_lack_a_slice():
    rng = np.random.default_rng(0)
    runs = runs_of(rng, slices_of(rng), {"plain": 0.0, "darl": 1.0}, 1)
    del runs["darl"]["far_ood"]
    report = report_of(runs=runs)
    assert ("darl", "far_ood", "qwk") not in report.row_at
    assert ("darl", "near_ood", "qwk") in report.difference_at


class TestFaults:
    def build(self, runs=None, labels=None, baseline="a", rounds=(), **options):
        rng = np.random.default_rng(0)
        runs = runs_of(rng, slices_of(rng, 20), {"a": 1.0}, 1) if runs is None else runs
        labels = {"a": {"train": 1}} if labels is None else labels
        return build_report(runs, SCALES[3], labels, baseline, rng, rounds, resamples=5, **options)

    def test_all_are_told_at_once(self):
        rng = np.random.default_rng(0)
        far = round_of(rng, "a")
        beyond = RoundView(*[getattr(far, f) for f in ("model", "stage", "detector", "strategy")], *[
            far.ood_scores, far.in_dist_scores, far.selected, far.selected_grades + 1
        ])  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            self.build(labels={"b": {"dev": 1}}, baseline="z", rounds=[round_of(rng, "z"), beyond])
        assert caught.value.faults == (
            "baseline: expected one of a, received 'z'",
            "labels: expected an entry for 'a'",
            "labels: b: expected train or selected, received 'dev'",
            "rounds: expected one of a, received 'z'",
            "rounds: a, stage 2: expected selected grades 0..2, received 1..3",
        )

    def test_no_model(self):
        with pytest.raises(ConfigError, match="at least one model"):
            self.build(runs={}, labels={})

    def test_no_slice(self):
        with pytest.raises(ConfigError, match="a: expected at least one slice"):
            self.build(runs={"a": {}})

    def test_level(self):
        with pytest.raises(ConfigError, match="level"):
            self.build(level=1.5)


class TestRoundView:
    def view(self, scores=(1.0, 2.0), in_dist=(1.0,), selected=(0,), grades=(1,)):
        arrays = (
            np.array(scores),
            np.array(in_dist),
            np.array(selected, dtype=int),
            np.array(grades, dtype=int),
        )
        return RoundView("m", "s", "d", "t", *arrays)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"selected": (2,)}, r"expected indices 0..1 into the pool, received 2..2"),
            ({"selected": (-1,)}, r"received -1..-1"),
            ({"selected": (0, 0), "grades": (1, 1)}, "expected distinct indices"),
            ({"grades": (1, 1)}, "expected one grade per selected pair"),
            ({"scores": (), "selected": (), "grades": ()}, "expected a pool"),
            ({"in_dist": ()}, "expected a pool and in-distribution scores, received 2 and 0"),
        ],
    )
    def test_faults_name_the_round(self, wrong, message):
        with pytest.raises(ShapeError, match=f"round s of m: .*{message}"):
            self.view(**wrong)

    def test_nothing_need_be_selected(self):
        assert len(self.view(selected=(), grades=()).selected) == 0


class TestJSON:
    def test_it_says_what_the_report_says(self, report, tmp_path):
        path, _ = write_report(report, tmp_path / "new" / "folder")
        assert sorted(found.name for found in path.parent.iterdir()) == ["report.html", "report.json"]
        read = json.loads(path.read_text(encoding="utf-8"))
        assert read == as_dict(report)
        assert read["scale"] == list("abc")
        assert [row["value"] for row in read["rows"]] == pytest.approx(
            [row.value for row in report.rows], abs=1e-6
        )
        assert read["rows"][0] == {
            "model": "plain",
            "slice": "in_dist",
            "metric": "macro_f1",
            "n": 160,
            "reason": "",
            **{
                name: pytest.approx(getattr(report.rows[0], name), abs=1e-6)
                for name in ("value", "low", "high")
            },
            "by_seed": pytest.approx(report.by_seed["plain", "in_dist", "macro_f1"], abs=1e-6),
        }
        assert read["rounds"][0]["selected"] == 40
        assert sum(read["rounds"][0]["selected_grades"].values()) == 40

    def test_what_is_undefined_is_null_with_a_reason(self):
        one = judged([0, 0, 1, 1], np.full((4, 3), 1 / 3), [0, 0, 1, 1])
        rows = as_dict(report_of(runs={"m": {"in_dist": [one]}}, rounds=[]))["rows"]
        (f1,) = [row for row in rows if row["metric"] == "f1:c"]
        assert (f1["value"], f1["low"], f1["reason"]) == (None, None, "gold has no pair of grade 'c'")

    def test_the_same_inputs_give_the_same_bytes(self, tmp_path):
        first, again = (
            [
                path.read_bytes()
                for path in write_report(
                    report_of(models={"m": 0.0}, n=40, names=("in_dist", "far_ood")), tmp_path / name
                )
            ]
            for name in ("1", "2")
        )
        assert first == again

    def test_the_order_of_the_pairs_does_not_matter(self):
        rng = np.random.default_rng(0)
        runs = runs_of(rng, slices_of(rng), {"plain": 0.0, "darl": 1.0})
        order = rng.permutation(160)
        turned = {
            model: {name: [rows_of(one, order) for one in seeds] for name, seeds in by_slice.items()}
            for model, by_slice in runs.items()
        }
        assert as_dict(report_of(runs=runs, rounds=[])) == as_dict(report_of(runs=turned, rounds=[]))
