"""A report made by a seeded generator."""

import numpy as np

from darl.evaluation.judged import with_decisions
from darl.evaluation.learning_curve import Ahead, learning_curve
from darl.evaluation.metrics import metrics_for
from darl.evaluation.outlook import Outlook, StageOutlook
from darl.evaluation.report import RoundView, build_report
from darl.predictions import Decisions
from tests.evaluation.made import SCALES, judged, predicted_again

SLICES = {"in_dist": 3.0, "near_ood": 2.0, "far_ood": 1.0}


def slices_of(rng, n=160, k=3, names=tuple(SLICES)):
    """name -> pairs and gold, ids distinct between slices."""
    made = {}
    for name in names:
        grades = rng.integers(k, size=n)
        made[name] = judged(grades, np.full((n, k), 1 / k), [f"{name}{i // 5}" for i in range(n)])
    return made


def runs_of(rng, slices, models, seeds=2):
    """model -> slice -> runs; a model's skill is its number beside the slice's."""
    return {
        model: {
            name: [predicted_again(rng, one, bonus + SLICES.get(name, 1.0)) for _ in range(seeds)]
            for name, one in slices.items()
        }
        for model, bonus in models.items()
    }


def softened(runs, models, power=0.5, abstain=0.2):
    """What is told after a calibration that raises probabilities to a power and answers the surest pairs."""

    def told(one):
        probs = one.predictions.grade_probs**power
        probs /= probs.sum(axis=1, keepdims=True)
        risk = 1 - probs.max(axis=1)
        decisions = Decisions(
            one.predictions.scores,
            probs,
            probs.argmax(axis=1),
            risk,
            risk > np.quantile(risk, 1 - abstain) if abstain else None,
        )
        return with_decisions(one, decisions)

    return {
        model: {name: [told(one) for one in seeds] for name, seeds in runs[model].items()} for model in models
    }


def round_of(rng, model, k=3, n=300):
    scores = rng.gamma(3, size=n)
    chosen = rng.choice(n, 40, replace=False)
    return RoundView(
        model, "stage 2", "knn", "diverse", scores, rng.gamma(2, size=80), chosen, rng.integers(k, size=40)
    )


def outlook_of(rng, model, seed=0, rounds=3, stop=False, metrics=("macro_f1",), budget=50):
    """What rounds that made the model better and better have brought."""
    grades = rng.integers(3, size=120)
    pairs = judged(grades, np.full((120, 3), 1 / 3), np.arange(120) // 3)
    runs = {budget * i: predicted_again(rng, pairs, 1 + i) for i in range(rounds + 1)}
    fresh = dict(list(runs.items())[:-1])
    ahead = Ahead(1000, budget * rounds, budget, 0.01)
    curves = [
        learning_curve(
            by_labels, metrics_for(SCALES[3])[name], SCALES[3], rng, ahead=ahead, data=data, resamples=50
        )
        for name in metrics
        for data, by_labels in (("valid", runs), ("fresh", fresh))
    ]
    spent = rounds * budget
    reason = "the next is not worth it" if stop else ""
    found = Outlook(rounds, rounds + 2 * stop, spent, budget, tuple(curves), stop, reason)
    return StageOutlook(model, "stage 2", seed, found)


def report_of(
    seed=0, k=3, models=None, n=160, seeds=2, labels=None, resamples=40, names=tuple(SLICES), **options
):
    rng = np.random.default_rng(seed)
    models = {"plain": 0.0, "darl": 1.0} if models is None else models
    runs = options.pop("runs", None) or runs_of(rng, slices_of(rng, n, k, names), models, seeds)
    return build_report(
        runs,
        SCALES[k],
        labels or {model: {"train": 2600, "selected": 400 * (i > 0)} for i, model in enumerate(runs)},
        next(iter(runs)),
        np.random.default_rng(seed),
        options.pop("rounds", [round_of(rng, list(runs)[-1], k)]),
        resamples=resamples,
        **options,
    )
