"""A report made by a seeded generator."""

import numpy as np

from darl.evaluation.report import RoundView, build_report
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


def round_of(rng, model, k=3, n=300):
    scores = rng.gamma(3, size=n)
    chosen = rng.choice(n, 40, replace=False)
    return RoundView(
        model, "stage 2", "knn", "diverse", scores, rng.gamma(2, size=80), chosen, rng.integers(k, size=40)
    )


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
