"""Which products are shown for a request: some fit, some nearly fit, some only sound like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darl.data.insurance import rules
from darl.data.insurance.catalogue import Shelf
from darl.data.insurance.facts import Request
from darl.data.insurance.phrasebook import pick

STRONG_SHARE = (0.2, 0.3)
WEAK_SHARE = (0.3, 0.4)
# How an irrelevant product is chosen; a kind that the catalogue cannot serve gives way to the next.
IRRELEVANT_KINDS = ("need excluded", "need absent", "same words, other line", "other line")
IRRELEVANT_ODDS = np.cumsum((0.3, 0.25, 0.25, 0.2))


class Shown(NamedTuple):
    """A product shown for a request: its shelf, its place there, and the grade."""

    shelf: Shelf
    place: int
    grade: int


def line_up(
    request: Request, shelf: Shelf, others: Sequence[Shelf], n: int, rng: np.random.Generator
) -> list[Shown]:
    """`n` distinct products, in random order, for a request for the line of `shelf`.

    Where the catalogue has too few strong or weak ones, irrelevant ones take their places.
    """
    grades = rules.grades(request, shelf.columns)
    n_strong, n_weak = _counts(n, rng)
    shown = _some(n_strong, shelf, grades == rules.STRONG, rules.STRONG, rng)
    shown += _some(n_weak, shelf, grades == rules.WEAK, rules.WEAK, rng)
    shown += _irrelevant(request, shelf, others, n - len(shown), rng)
    return [shown[i] for i in rng.permutation(len(shown))]


def _counts(n: int, rng: np.random.Generator) -> tuple[int, int]:
    strong = min(n, int(n * rng.uniform(*STRONG_SHARE) + rng.random()))
    weak = int(n * rng.uniform(*WEAK_SHARE) + rng.random())
    return strong, min(weak, n - strong)


def _irrelevant(
    request: Request, shelf: Shelf, others: Sequence[Shelf], n: int, rng: np.random.Generator
) -> list[Shown]:
    stocks = _stocks(request, shelf, others, n, rng)
    kinds = np.searchsorted(IRRELEVANT_ODDS, rng.random(n)).tolist()
    return [next(stock for stock in stocks[kind:] + stocks if stock).pop() for kind in kinds]


def _stocks(
    request: Request, shelf: Shelf, others: Sequence[Shelf], n: int, rng: np.random.Generator
) -> list[list[Shown]]:
    """Up to `n` irrelevant products of each kind, in the order of IRRELEVANT_KINDS; none is in two."""
    unfit = rules.grades(request, shelf.columns) == rules.IRRELEVANT
    named = shelf.columns.excludes(request.need)
    # Lines that cover the need under the same words come first: they are the trap.
    alike = [one for one in others if one.columns.covers(request.need).any()]
    other = pick(rng, alike or others)
    same_words = other.columns.covers(request.need)
    choices = (
        (shelf, unfit & named),
        (shelf, unfit & ~named),
        (other, same_words),
        (other, ~same_words),
    )
    return [_some(n, place, chosen, rules.IRRELEVANT, rng) for place, chosen in choices]


def _some(n: int, shelf: Shelf, chosen: rules.BoolArray, grade: int, rng: np.random.Generator) -> list[Shown]:
    places = rng.permutation(np.flatnonzero(chosen))[:n]
    return [Shown(shelf, place, grade) for place in places.tolist()]
