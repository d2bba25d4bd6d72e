import numpy as np
import pytest

from darl.catalogue import Component, build
from darl.errors import ConfigError, ShapeError
from darl.ood import ensemble
from darl.ood.catalogue import DETECTORS
from darl.ood.cosine import Cosine
from darl.ood.energy import Energy
from darl.ood.ensemble import Ensemble
from darl.ood.entropy import Entropy
from darl.ood.knn import KNN
from darl.ood.likelihood_ratio import LikelihoodRatio
from darl.ood.mahalanobis import Mahalanobis
from darl.ood.max_logit import MaxLogit
from darl.ood.max_softmax import MaxSoftmax
from darl.predictions import Predictions
from tests.ood.made import as_read_by, far, from_features, in_dist


def place(score, known):
    """The share of `known` below, by hand: on a line between two of them, and beyond on the long one."""
    share = {s: (sum(k < s for k in known) + sum(k == s for k in known) / 2) / len(known) for s in set(known)}
    knots = sorted(share)
    if score < knots[0] or score > knots[-1]:
        end = knots[0] if score < knots[0] else knots[-1]
        return share[end] + (score - end) / (knots[-1] - knots[0])
    if score in share:
        return share[score]
    right = next(i for i, s in enumerate(knots) if s > score)
    a, b = knots[right - 1], knots[right]
    return share[a] + (score - a) / (b - a) * (share[b] - share[a])


def without_itself(detector, predictions, grades):
    """Each pair's score by a detector fitted on all the others."""
    rows = np.arange(len(predictions))
    others = [rows[rows != row] for row in rows]
    fitted = [detector.fit(predictions[rest], grades[rest]) for rest in others]
    return [one.score(predictions[row : row + 1])[0] for row, one in enumerate(fitted)]


def test_formula():
    rng = np.random.default_rng(0)
    train, grades = in_dist(40, rng)
    query = Predictions.from_arrays(
        {
            name: np.concatenate([one.arrays()[name] for one in (in_dist(30, rng)[0], far(30, rng), train)])
            for name in train.arrays()
        }
    )
    members = [Mahalanobis(), KNN(2), Entropy()]
    fitted = [member.fit(train, grades) for member in members]
    known = [fitted[0].score(train), without_itself(members[1], train, grades), fitted[2].score(train)]
    places = [
        [place(s, k.tolist() if isinstance(k, np.ndarray) else k) for s in member.score(query).tolist()]
        for member, k in zip(fitted, known, strict=True)
    ]
    scores = Ensemble(members).fit(train, grades).score(query)
    np.testing.assert_allclose(scores, np.mean(places, axis=0), rtol=1e-9)


def of_confidence(*tops):
    """Predictions whose `MaxSoftmax` scores are -tops."""
    probs = np.array([[top, 1 - top] for top in tops])
    return Predictions(np.zeros(probs.shape), probs, np.zeros((len(tops), 1)))


def test_exact_values():
    """Training scores -1, -0.75, -0.75, -0.5: shares 1/8, 1/2, 1/2, 7/8."""
    train = of_confidence(1.0, 0.75, 0.75, 0.5)
    detector = Ensemble([MaxSoftmax()]).fit(train, np.zeros(4, dtype=int))
    scores = detector.score(of_confidence(1.0, 0.875, 0.75, 0.625, 0.5))
    np.testing.assert_allclose(scores, [0.125, 0.3125, 0.5, 0.6875, 0.875], rtol=1e-15)


def test_far_pairs_still_differ():
    train, grades = in_dist(40, np.random.default_rng(1))
    detector = Ensemble([Energy()]).fit(train, grades)
    energies = Energy().fit(train, grades).score(train)
    lowest, highest = energies.min(), energies.max()
    logits = -np.array([[highest], [highest + 1], [highest + 2], [lowest - 3]]) - np.log(3)
    query = Predictions(np.repeat(logits, 3, axis=1), np.full((4, 3), 1 / 3), np.zeros((4, 6)))
    scores = detector.score(query)
    np.testing.assert_allclose(np.diff(scores[:3]), 1 / (highest - lowest), rtol=1e-6)
    np.testing.assert_allclose(scores[3], 1 / 80 - 3 / (highest - lowest), rtol=1e-6)


def test_training_scores_that_are_all_the_same():
    """Then there is no range, and the scores count as they are."""
    train = of_confidence(0.75, 0.75, 0.75)
    detector = Ensemble([MaxSoftmax()]).fit(train, np.zeros(3, dtype=int))
    np.testing.assert_allclose(detector.score(of_confidence(1.0, 0.75, 0.5)), [0.25, 0.5, 0.75], rtol=1e-15)


def test_rounding_is_no_range():
    """Else every new pair would be placed billions of ranges away."""

    def of_logits(*tops):
        logits = np.array([[top, 0.0] for top in tops])
        return Predictions(logits, np.full(logits.shape, 0.5), np.zeros((len(tops), 1)))

    train = of_logits(1000.0, 1000 - 1e-10, 1000 + 1e-10)
    detector = Ensemble([MaxLogit()]).fit(train, np.zeros(3, dtype=int))
    np.testing.assert_allclose(detector.score(of_logits(1001, 1000, 998)), [-0.5, 0.5, 2.5], atol=1e-9)


@pytest.mark.parametrize("member", [Cosine(), KNN(1), KNN(3), KNN(1, most=10), Ensemble([KNN(1)])])
def test_a_training_pair_is_not_its_own_neighbour(member):
    """Or new pairs of the same kind would all be placed beyond the training pairs."""
    rng = np.random.default_rng(2)
    train, grades = in_dist(300, rng)
    new, _ = in_dist(300, rng)
    places = Ensemble([member]).fit(train, grades).score(new)
    assert 0.4 < np.median(places) < 0.6


@pytest.mark.parametrize("detector", [KNN(3), KNN(3, most=12), Cosine(most=1), KNN(40)])
def test_what_is_left_out(detector):
    train, grades = in_dist(40, np.random.default_rng(3))
    fitted = detector.fit(train, grades)
    kept = set(fitted.state()[f"{type(detector).__name__}.rows"].tolist())
    scores = fitted._measure_fitted(train, np.arange(40))
    for row in range(40):
        rest = np.array(sorted(kept - {row}))
        if len(rest) >= detector.k:
            alone = type(detector)(*([detector.k] if isinstance(detector, KNN) else []))
            expected = alone.fit(train[rest], grades[rest]).score(train[row : row + 1])[0]
        else:
            expected = fitted.score(train[row : row + 1])[0]
        assert scores[row] == expected


def test_needs_are_those_of_any():
    assert Ensemble([Entropy(), Energy()]).needs == {"grade_probs", "class_logits"}
    assert Ensemble().needs == {"features", "grade_probs"}
    train, grades = in_dist(20, np.random.default_rng(4))
    thresholds = Predictions(train.logits[:, :2], train.grade_probs, train.features)
    with pytest.raises(ShapeError, match="Ensemble: expected 3 class logits"):
        Ensemble([Entropy(), Energy()]).fit(thresholds, grades)


def test_members_stay_unfitted():
    member = Entropy()
    one = Ensemble([member])
    train, grades = in_dist(20, np.random.default_rng(5))
    one.fit(train, grades)
    assert one.detectors == (member,)
    assert not member._widths


def test_many_training_pairs_are_drawn(monkeypatch):
    rng = np.random.default_rng(6)
    train, grades = in_dist(200, rng)
    query, order = far(5, rng), rng.permutation(200)
    monkeypatch.setattr(ensemble, "MOST_PLACES", 50)
    fitted = Ensemble().fit(train, grades)
    assert fitted.state()["Ensemble.scores"].shape == (3, 50)
    shuffled = Ensemble().fit(train[order], grades[order])
    np.testing.assert_allclose(fitted.score(query), shuffled.score(query), rtol=1e-9)


def test_one_training_pair():
    train, grades = in_dist(1, np.random.default_rng(7))
    fitted = Ensemble([Mahalanobis(), Entropy(), KNN(1)]).fit(train, grades)
    assert fitted.score(train) == pytest.approx(0.5)
    assert np.isfinite(fitted.score(from_features(np.zeros((1, 6))))).all()


def test_from_a_config():
    entry = {"name": "ensemble", "detectors": ["entropy", {"name": "knn", "k": 2}]}
    made = build("detector", DETECTORS, Component.model_validate(entry))
    assert [type(member) for member in made.detectors] == [Entropy, KNN]
    assert made.detectors[1].k == 2
    with pytest.raises(ConfigError, match="unknown name 'nought'"):
        build("detector", DETECTORS, Component.model_validate({"name": "ensemble", "detectors": ["nought"]}))


def test_members_see_one_view():
    with pytest.raises(ValueError, match="since they see one view, received KNN, LikelihoodRatio"):
        Ensemble([KNN(), LikelihoodRatio()])
    inner = Ensemble([LikelihoodRatio(), Entropy()])
    with pytest.raises(ValueError, match="received Ensemble, Mahalanobis"):
        Ensemble([inner, Mahalanobis()])
    entry = {"name": "ensemble", "detectors": ["likelihood_ratio", "vim"]}
    with pytest.raises(ConfigError, match="received LikelihoodRatio, ViM"):
        build("detector", DETECTORS, Component.model_validate(entry))
    train, grades = in_dist(20, np.random.default_rng(8))
    with pytest.raises(ShapeError, match="Ensemble: expected 2 likelihoods"):
        inner.fit(train, grades)
    scores = inner.fit(as_read_by("likelihood_ratio", train), grades).score(
        as_read_by("likelihood_ratio", far(5, np.random.default_rng(9)))
    )
    assert (scores > 1).all()


@pytest.mark.parametrize("detectors", [[], (), "knn", KNN(), 3, {}])
def test_detectors_are_a_list(detectors):
    with pytest.raises(ValueError, match="detectors: expected a list of at least one detector, received"):
        Ensemble(detectors)


@pytest.mark.parametrize("stranger", ["knn", KNN, None])
def test_detectors_are_detectors(stranger):
    with pytest.raises(ValueError, match="detectors: expected detectors, received"):
        Ensemble([KNN(), stranger])
