"""Learning from several people's ratings: the expected loss, and training on it."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch

from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.softmax import Softmax
from darl.pairs import GradedPair
from darl.training.config import TrainingConfig
from darl.training.ratings import expected_loss, rating_rounds
from tests.tiny import toy_pairs
from tests.training.test_loop import VALID, assert_same, fresh, train, weights

# Of these, a pair's loss depends on its own grade alone.
POINTWISE = (
    "softmax", "label_smoothing", "focal", "soft_grades", "earth_mover", "class_distance", "coral", "corn",
)  # fmt: skip
RATINGS = [(0, 2), (1,), (0, 0, 1), (1, 1, 2, 2, 2), (2, 2), (0, 1, 1, 2), (0,) * 7]


@pytest.mark.parametrize("name", POINTWISE)
def test_it_is_the_mean_over_pairs_of_the_mean_over_ratings(name):
    objective = OBJECTIVES[name]()
    logits = torch.randn((len(RATINGS), objective.n_logits(3)), generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    queries = torch.arange(len(RATINGS)) // 2
    each = [
        torch.stack(
            [objective.loss(logits[i : i + 1], torch.tensor([r]), queries[i : i + 1]) for r in of]
        ).mean()
        for i, of in enumerate(RATINGS)
    ]
    expected = torch.stack(each).mean()
    found = expected_loss(objective, logits, RATINGS, queries)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(loss, logits, retain_graph=True)[0] for loss in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_rounds_give_each_rating_its_share():
    rounds = rating_rounds(RATINGS)
    assert sum(share for share, _ in rounds) == pytest.approx(1)
    for i, of in enumerate(RATINGS):
        for grade in range(3):
            share = sum(share for share, grades in rounds if grades[i] == grade)
            assert share == pytest.approx(float(Fraction(of.count(grade), len(of))))
    assert all(a[1] != b[1] for a, b in pairwise(rounds))


def test_one_rating_a_pair_is_the_loss_itself_to_the_bit():
    logits = torch.randn((4, 3), generator=torch.Generator().manual_seed(1))
    grades, queries = torch.tensor([0, 2, 1, 1]), torch.zeros(4, dtype=torch.long)
    for objective in (Softmax(), InQueryContrast()):
        found = expected_loss(objective, logits, [(grade,) * 3 for grade in grades.tolist()], queries)
        assert found == objective.loss(logits, grades, queries)


def test_pairs_are_compared_as_far_as_they_are_in_order():
    """Two of three call one better; where all are alike there is nothing to compare."""
    logits, queries = torch.zeros((2, 3)), torch.zeros(2, dtype=torch.long)
    objective = InQueryContrast(margin=1.0)
    one_above = objective.loss(logits, torch.tensor([1, 0]), queries)
    found = expected_loss(objective, logits, [(0, 1, 1), (0, 0, 0)], queries)
    torch.testing.assert_close(found, one_above * 2 / 3)
    assert expected_loss(objective, logits, [(0, 2), (0, 2)], queries) == 0


def rated(share, seed=0):
    """The toy pairs' own grade twice, and for some of them a third who says something else."""
    rng = np.random.default_rng(seed)
    pairs = toy_pairs(48, queries=8)
    return {
        one.pair: tuple(sorted((one.grade, one.grade, (one.grade + 1) % 3)))
        for one in pairs
        if rng.random() < share
    }


def losses(folder, key):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line[key] for line in lines if key in line]


def test_training_learns_how_far_people_agree(tiny_llm, tmp_path):
    ratings, config = rated(1.0), TrainingConfig(epochs=12, batch_size=8, lr=1e-2, keep_best=False)
    model = train(fresh(tiny_llm), tmp_path / "rated", config, valid=[], ratings=ratings)
    plain = train(fresh(tiny_llm), tmp_path / "plain", config, valid=[])
    pairs = list(ratings)
    other = [(one.grade + 1) % 3 for one in toy_pairs(48, queries=8)]
    said, sure = (
        made.predict(pairs).grade_probs[np.arange(len(pairs)), other].mean() for made in (model, plain)
    )
    assert said == pytest.approx(1 / 3, abs=0.08)
    assert sure < 0.1


def test_unanimous_ratings_train_as_grades_do(tiny_llm, tmp_path):
    config = TrainingConfig(epochs=1, batch_size=8, lr=1e-2)
    same = {one.pair: (one.grade,) * 3 for one in (*toy_pairs(48, queries=8), *VALID)}
    ends = [
        weights(train(fresh(tiny_llm), tmp_path / name, config, ratings=ratings))
        for name, ratings in (("rated", same), ("plain", {}))
    ]
    assert_same(*ends)


def test_validation_counts_what_people_said(tiny_llm, tmp_path):
    config = TrainingConfig(epochs=4, batch_size=8, lr=1e-2, keep_best=False)
    flipped = [GradedPair(one.pair, 2 - one.grade) for one in VALID]
    half = {one.pair: tuple(sorted((one.grade, 2 - one.grade))) for one in VALID}
    found = []
    for name, valid, ratings in (("own", VALID, {}), ("flipped", flipped, {}), ("half", VALID, half)):
        train(fresh(tiny_llm), tmp_path / name, config, valid=valid, ratings=ratings)
        found.append(losses(tmp_path / name, "valid_loss")[-1])
    assert found[2] == pytest.approx((found[0] + found[1]) / 2, rel=1e-5)
    assert found[0] < found[2] < found[1]


def test_other_ratings_are_another_stage(tiny_llm, tmp_path):
    from darl.errors import CheckpointError

    config = TrainingConfig(epochs=1, batch_size=8)
    train(fresh(tiny_llm), tmp_path, config, ratings=rated(1.0))
    with pytest.raises(CheckpointError, match="other data, settings or seed"):
        train(fresh(tiny_llm), tmp_path, config, ratings=rated(0.5))
