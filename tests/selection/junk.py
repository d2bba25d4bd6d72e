"""Pools with what is usual, what is new and what is junk."""

from functools import cache

import numpy as np

from darl.predictions import Candidates, Predictions

USUAL, NEW, JUNK = 0, 1, 2
LETTERS = 26
PER_QUERY = 4


@cache
def pool(kind, seed, share=0.1):
    """2000 candidates, 5 % of them new and `share` of them junk, and (2000,) which is what.

    The junk is "directions" (random ones), "noise" (usual pairs and much noise) or "text" (shuffled letters).
    The ood_score is the distance to the fifth nearest known pair.
    """
    rng = np.random.default_rng(seed)
    counts = [round(2000 * (0.95 - share)), 100, round(2000 * share)]
    usual, new, junk, known = (_text if kind == "text" else _vectors)(counts, kind, rng)
    features, what = np.concatenate([usual, new, junk]), np.repeat([USUAL, NEW, JUNK], counts)
    order = rng.permutation(len(what))
    probs = rng.dirichlet(np.ones(3), size=len(what))
    queries = np.array([f"q{i // PER_QUERY}" for i in range(len(what))])
    made = Candidates(
        Predictions(probs, probs, features[order]),
        _scores(features[order], known[100:]),
        _scores(known[:100], known[100:]),
        queries[order],
        known,
    )
    return made, what[order]


def _scores(features, known):
    unit, others = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (features, known))
    return np.sqrt(np.maximum(2 - 2 * np.sort(unit @ others.T, axis=1)[:, -5], 0))


def _vectors(counts, kind, rng, width=64):
    """Nine subjects around a common direction, queries around a subject, pairs around a query."""
    subjects = rng.normal(size=(9, width)) + 2 * rng.normal(size=width)

    def traffic(which, n):
        queries = subjects[rng.choice(which, n // PER_QUERY)] + 0.4 * rng.normal(size=(n // PER_QUERY, width))
        return np.repeat(queries, PER_QUERY, axis=0) + 0.15 * rng.normal(size=(n, width))

    usual, new, known = traffic(range(8), counts[0]), traffic([8], counts[1]), traffic(range(8), 600)
    noise = 3 * rng.normal(size=(counts[2], width))
    return usual, new, noise + (rng.choice(usual, counts[2]) if kind == "noise" else 0), known


def _text(counts, kind, rng, width=256):
    """Counts of hashed letter trigrams, projected; each subject has its own thirty words."""
    often = rng.dirichlet(np.ones(LETTERS))
    subjects = [[rng.choice(LETTERS, rng.integers(4, 9), p=often) for _ in range(30)] for _ in range(9)]
    project = rng.normal(size=(1009, width))

    def text(words, n):
        return np.concatenate([np.append(words[i], LETTERS) for i in rng.integers(len(words), size=n)])

    def traffic(which, n):
        for _ in range(n // PER_QUERY):
            words = subjects[rng.choice(which)]
            query = text(words, 3)
            yield from (np.concatenate([query, text(words, 10)]) for _ in range(PER_QUERY))

    def features(texts):
        grams = [(t[:-2] * 729 + t[1:-1] * 27 + t[2:]) * 7919 % 10007 % 1009 for t in texts]
        return np.log1p([np.bincount(gram, minlength=1009) for gram in grams]) @ project

    usual, new, known = list(traffic(range(8), counts[0])), traffic([8], counts[1]), traffic(range(8), 600)
    junk = [rng.permutation(usual[i]) for i in rng.integers(len(usual), size=counts[2])]
    return features(usual), features(new), features(junk), features(known)
