import numpy as np
import pytest

from benchmarks.distilling import DIRECT, FITTED, SLICES, STUDENTS, TEACHER, Bench, page, told
from darl.data.insurance.corpus import InsuranceCorpus
from darl.evaluation.estimate import Estimate
from darl.evaluation.judged import judge
from darl.evaluation.metrics import metrics_for
from darl.predictions import Predictions

CORPUS = InsuranceCorpus(train=20, valid=20, pool=20, test=60)


def said(pairs, right):
    """Predictions that give the right grade, or another one."""
    probs = np.full((len(pairs), 3), 0.1)
    probs[np.arange(len(pairs)), [(one.grade + (not right)) % 3 for one in pairs]] = 0.8
    return Predictions(np.log(probs), probs, probs)


@pytest.mark.parametrize("backbone", FITTED)
def test_every_way_to_learn_has_settings_and_a_folder(backbone, tmp_path):
    bench = Bench(CORPUS, backbone, "minilm-l6", tuple(STUDENTS), tmp_path)
    assert bench.rivals == (TEACHER, DIRECT, *STUDENTS)
    assert bench.settings(backbone).model.backbone == backbone
    assert bench.settings(backbone).training.epochs == 3


@pytest.mark.parametrize(
    ("value", "spread", "expected"),
    [
        (0.5, 0.01, "0.500<br>**+0.200 [0.181, 0.219]**"),
        (0.31, 0.2, "0.310<br>+0.010 [\u22120.370, 0.390]"),
    ],
)
def test_a_difference_is_bold_where_it_is_clear(value, spread, expected):
    direct = Estimate(0.3, (0.3,), np.full(1001, 0.3), 60)
    own = Estimate(value, (value,), value + spread * np.linspace(-2, 2, 1001), 60)
    assert told(own, direct) == expected
    assert told(direct, direct) == "0.300"


def test_the_page_has_every_metric_and_slice():
    tests = {part: CORPUS.load(part) for part in SLICES}
    runs = {
        name: {part: [judge(rows, said([*rows], right))] * 2 for part, rows in tests.items()}
        for name, right in ((TEACHER, True), (DIRECT, False))
    }
    text = "\n".join(page(runs, metrics_for(CORPUS.grade_scale), CORPUS))
    assert "| model | in_dist | near_ood | far_ood |" in text
    assert f"| {TEACHER} | 1.000<br>**+1.000 [1.000, 1.000]** |" in text
    assert f"| {DIRECT} | 0.000 | 0.000 | 0.000 |" in text
